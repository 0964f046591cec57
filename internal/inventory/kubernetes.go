package inventory

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// startsJSON reports whether a line starts an object or a list of objects, and
// not the timestamp of a log.
func startsJSON(line string) bool {
	rest, ok := strings.CutPrefix(line, "[")
	if rest = strings.TrimSpace(rest); ok && rest == "" {
		return true
	}
	if rest, ok = strings.CutPrefix(rest, "{"); !ok {
		return false
	}
	rest = strings.TrimSpace(rest)
	return rest == "" || rest[0] == '"' || rest[0] == '}'
}

// nodeReader reads nodes one by one, so that what is not asked of a node, such
// as its images and managed fields, is never held for all of them.
type nodeReader struct {
	source
	dec   *json.Decoder
	gpus  []GPU
	nodes int
	kinds []string // of documents and items that are not nodes
}

// readNodes reads what "kubectl get nodes -o json" prints: a NodeList, a List of
// nodes, one node, or, as jq makes them, several documents or a bare list.
func readNodes(src source) ([]GPU, error) {
	r := &nodeReader{source: src, dec: json.NewDecoder(bytes.NewReader(src.text))}
	for r.more() {
		if err := r.document(); err != nil {
			return nil, r.located(err)
		}
	}
	switch {
	case r.nodes == 0 && len(r.kinds) > 0:
		return nil, fmt.Errorf("line %d: this is JSON of kind %s, and no node is in it: save what %s prints", src.line, strings.Join(r.kinds, ", "), kubectlCommand)
	case r.nodes == 0:
		return nil, fmt.Errorf("line %d: no node is in this JSON: save what %s prints", src.line, kubectlCommand)
	case len(r.gpus) == 0:
		return nil, fmt.Errorf("none of the %d nodes has an NVIDIA GPU: neither the labels nvidia.com/gpu.* of GPU feature discovery nor the resource nvidia.com/gpu are there", r.nodes)
	}
	return r.gpus, nil
}

// more reports whether another document follows. Other text may: a prompt, or
// warnings that were printed to the same file.
func (r *nodeReader) more() bool {
	rest := bytes.TrimLeft(r.text[r.dec.InputOffset():], " \t\r\n")
	return len(rest) > 0 && (rest[0] == '{' || rest[0] == '[')
}

// located says where the JSON is wrong.
func (r *nodeReader) located(err error) error {
	var at *nodeError
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &at):
		return err
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("line %d: the JSON ends in its middle: the list was cut off; save it again with %s", r.at(int64(len(bytes.TrimSpace(r.text)))), kubectlCommand)
	case errors.As(err, &syntax):
		return fmt.Errorf("line %d: this is no JSON: %v", r.at(max(syntax.Offset, r.dec.InputOffset())), err)
	}
	return fmt.Errorf("line %d: this is no list of nodes: %v", r.at(r.dec.InputOffset()), err)
}

// document reads one top-level value.
func (r *nodeReader) document() error {
	token, err := r.dec.Token()
	if err != nil {
		return err
	}
	if token == json.Delim('[') {
		return r.items()
	}
	var kind, message string
	nodes, gpus := r.nodes, len(r.gpus)
	fields := map[string]json.RawMessage{}
	for r.dec.More() {
		key, err := r.dec.Token()
		if err != nil {
			return err
		}
		switch key {
		case "items":
			if token, err = r.dec.Token(); err == nil && token == json.Delim('[') {
				err = r.items()
			} else if err == nil && token != nil {
				err = errors.New("items is no list")
			}
		case "kind":
			err = r.dec.Decode(&kind)
		case "message":
			var text any
			err = r.dec.Decode(&text)
			message, _ = text.(string)
		case "metadata", "status":
			var raw json.RawMessage
			err = r.dec.Decode(&raw)
			fields[key.(string)] = raw
		default:
			var skipped json.RawMessage
			err = r.dec.Decode(&skipped)
		}
		if err != nil {
			return err
		}
	}
	if _, err := r.dec.Token(); err != nil {
		return err
	}
	switch kind {
	case "NodeList", "List":
		return nil
	case "Node":
		return r.single(fields)
	case "Status":
		return &nodeError{r.line, "", fmt.Sprintf("kubectl did not get the nodes: %s", shortened(message))}
	case "":
		return nil
	}
	r.other(kind)
	r.nodes, r.gpus = nodes, r.gpus[:gpus] // items of a PodList do not say themselves that they are no nodes
	return nil
}

// items reads the nodes of a list whose bracket was read.
func (r *nodeReader) items() error {
	for r.dec.More() {
		start := r.dec.InputOffset()
		var n node
		if err := r.dec.Decode(&n); err != nil {
			return err
		}
		if err := r.add(n, start); err != nil {
			return err
		}
	}
	_, err := r.dec.Token()
	return err
}

// single takes in a document that is one node.
func (r *nodeReader) single(fields map[string]json.RawMessage) error {
	n := node{Kind: "Node"}
	for key, to := range map[string]any{"metadata": &n.Metadata, "status": &n.Status} {
		if raw := fields[key]; raw != nil {
			if err := json.Unmarshal(raw, to); err != nil {
				return err
			}
		}
	}
	return r.add(n, 0)
}

// add takes in a node that starts behind the byte at start.
func (r *nodeReader) add(n node, start int64) error {
	if n.Kind != "" && n.Kind != "Node" {
		r.other(n.Kind)
		return nil
	}
	r.nodes++
	gpus, err := n.gpus()
	if err != nil {
		brace := bytes.IndexByte(r.text[start:], '{')
		return &nodeError{r.at(start + int64(max(brace, 0))), n.Metadata.Name, err.Error()}
	}
	r.gpus = append(r.gpus, gpus...)
	return nil
}

// other notes the kind of something that is no node.
func (r *nodeReader) other(kind string) {
	const most = 5
	if kind = shortened(kind); len(r.kinds) < most && !slices.Contains(r.kinds, kind) {
		r.kinds = append(r.kinds, kind)
	}
}

// nodeError says what is wrong with a node.
type nodeError struct {
	line int
	name string
	what string
}

func (e *nodeError) Error() string {
	if e.name == "" {
		return fmt.Sprintf("line %d: %s", e.line, e.what)
	}
	return fmt.Sprintf("line %d: node %s: %s", e.line, shortened(e.name), e.what)
}
