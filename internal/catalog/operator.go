package catalog

import (
	"fmt"
	"slices"
	"strings"
)

// The releases whose ONNX parsers were read: answers outside them are Uncertain.
var (
	firstParser = Version{8, 4, -1, -1}
	lastParser  = Version{11, 0, -1, -1}
)

// era is the span of releases that have something.
type era struct {
	since    Version // the first that is known to have it; none when zero
	doubtful Version // releases from here up to since were not read; none when zero
	gone     Version // the first that does not have it any more; none when zero
}

// holds says whether release v has it.
func (e era) holds(v Version) Verdict {
	last := lastParser
	switch {
	case outside(v):
		return Uncertain
	case e.gone != Version{} && v.AtLeast(e.gone.Major, e.gone.Minor):
		return Cannot
	case e.since != Version{} && v.AtLeast(e.since.Major, e.since.Minor):
		return Can
	case e.doubtful != Version{} && v.AtLeast(e.doubtful.Major, e.doubtful.Minor), v.AtLeast(last.Major, last.Minor+1):
		return Uncertain
	}
	return Cannot
}

// operatorRow is a row of onnx-operators.csv.
type operatorRow struct {
	era
	takes  string // what no plugin takes or gives: sequences, ...; "" when the operator is about tensors
	source string
}

var operatorRows = embedded("onnx-operators.csv", parseOperators)

func parseOperators(name string, text []byte) (map[string]operatorRow, error) {
	list, err := readRows(name, text, "operator", "since", "doubtful_since", "takes", "source")
	if err != nil {
		return nil, err
	}
	table := make(map[string]operatorRow, len(list))
	for _, r := range list {
		row := operatorRow{era: era{since: r.version("since"), doubtful: r.version("doubtful_since")},
			takes: r.choice("takes", "sequences", "optionals", "maps", "strings"), source: r.text("source")}
		if _, twice := table[r.text("operator")]; twice || r.text("operator") == "" {
			r.wrong("operator", "want each name once")
		}
		if *r.err != nil {
			return nil, *r.err
		}
		table[r.text("operator")] = row
	}
	return table, nil
}

// pluginRow is a row of onnx-plugins.csv.
type pluginRow struct {
	era
	source string
}

var pluginRows = embedded("onnx-plugins.csv", parsePlugins)

func parsePlugins(name string, text []byte) (map[string]pluginRow, error) {
	list, err := readRows(name, text, "plugin", "since", "doubtful_since", "gone_since", "source")
	if err != nil {
		return nil, err
	}
	table := make(map[string]pluginRow, len(list))
	for _, r := range list {
		row := pluginRow{era{since: r.version("since"), doubtful: r.version("doubtful_since"), gone: r.version("gone_since")}, r.text("source")}
		if _, twice := table[r.text("plugin")]; twice || r.text("plugin") == "" {
			r.wrong("plugin", "want each name once")
		}
		if row.since == (Version{}) {
			r.wrong("since", "want a release")
		}
		if *r.err != nil {
			return nil, *r.err
		}
		table[r.text("plugin")] = row
	}
	return table, nil
}

// version is the release in a column; an empty cell is the zero Version.
func (r row) version(column string) Version {
	if r.text(column) == "" {
		return Version{}
	}
	v, err := ParseVersion(r.text(column))
	if err != nil || v.Patch >= 0 {
		r.wrong(column, "want a release such as 10.3")
	}
	return v
}

// ownDomains are the domains under which exporters for TensorRT put operators
// that its parser means to import.
var ownDomains = []string{"", "ai.onnx", "trt", "trt.plugins"}

// sameElsewhere are operators that ONNX Runtime's domain defines as ONNX does.
var sameElsewhere = []string{"QuantizeLinear", "DequantizeLinear"}

// Operator says whether TensorRT v builds a node by itself, without a plugin
// library: its parser imports the operator, or TensorRT brings a plugin of that
// name. Domain "" is ai.onnx. When it is Cannot, PluginFor says whether a plugin
// library would help.
//
// The parser goes by the name alone, whatever the domain, and looks for plugins
// by name too (ModelImporter.cpp and onnxOpCheckers.cpp of onnx-tensorrt 10.15):
// a foreign operator that bears a name of ONNX is Uncertain.
func Operator(domain, name string, v Version) Answer {
	op, listed := operatorRows()[name]
	imported, brought := Cannot, Cannot
	switch {
	case listed && op.takes != "" && op.since == (Version{}) && !outside(v):
		// No TensorRT has such values at all: a release that was not read is no
		// exception.
	case listed:
		imported = op.holds(v)
	}
	plugin, known := pluginRows()[name]
	if known {
		brought = plugin.holds(v)
	}
	own := slices.Contains(ownDomains, domain) || strings.HasPrefix(name, "TRT_") ||
		domain == "com.microsoft" && slices.Contains(sameElsewhere, name)
	switch {
	case imported == Can && own:
		return Answer{Verdict: Can, Source: op.source}
	case imported == Can:
		return Answer{Uncertain, fmt.Sprintf("the parser goes by names alone and takes %s of domain %s for the operator of ONNX", name, domain), op.source}
	case brought == Can:
		return Answer{Can, "TensorRT brings a plugin of that name", plugin.source}
	case imported == Uncertain:
		return Answer{Uncertain, fmt.Sprintf("whether the parser of TensorRT %s imports it is not known%s", v, since(op.era)), op.source}
	case brought == Uncertain:
		return Answer{Uncertain, fmt.Sprintf("whether TensorRT %s brings a plugin of that name is not known%s", v, since(plugin.era)), plugin.source}
	case outside(v):
		return Answer{Verdict: Uncertain, Why: fmt.Sprintf("the parser of TensorRT %s was not read", v)}
	}
	why := fmt.Sprintf("TensorRT %s has no importer for it and brings no plugin of that name", v)
	switch {
	case known && plugin.gone != Version{} && v.AtLeast(plugin.gone.Major, plugin.gone.Minor):
		return Answer{Cannot, fmt.Sprintf("TensorRT %s brings no plugin of that name any more: it went with %s", v, plugin.gone), plugin.source}
	case listed && op.since != Version{}:
		return Answer{Cannot, why + since(op.era), op.source}
	case known:
		return Answer{Cannot, why + since(plugin.era), plugin.source}
	case listed:
		return Answer{Cannot, why, op.source}
	}
	return Answer{Cannot, why, "onnx-tensorrt docs/operators.md of 8.4 to 11.0 do not list it"}
}

// outside reports whether a release is older than those that were read, or of a
// later generation. An operator that none of them knows, nor TensorRT's own
// changelogs, is taken not to come with the next minor release.
func outside(v Version) bool {
	return !v.AtLeast(firstParser.Major, firstParser.Minor) || v.Major > lastParser.Major
}

// since ends a sentence with the release that brought something, if any did.
func since(e era) string {
	if e.since == (Version{}) {
		return ""
	}
	return fmt.Sprintf("; %s does", e.since)
}

// PluginFor says whether a plugin library can provide an operator that TensorRT v
// does not build by itself. When it is Cannot, only another model helps: plugins
// take and give tensors, and nothing else. A Can with a Why tells what the
// library or the model has to observe.
func PluginFor(domain, name string, v Version) Answer {
	op, listed := operatorRows()[name]
	standard := slices.Contains(ownDomains, domain) || domain == "ai.onnx.ml"
	if listed && op.takes != "" && standard {
		return Answer{Cannot, fmt.Sprintf("it works on %s, and plugins take and give tensors alone", op.takes), op.source}
	}
	if listed && op.since == (Version{}) && v.AtLeast(staticChecks.Major, staticChecks.Minor) {
		return Answer{Can, fmt.Sprintf("the plugin and the operator need a name of their own: parsers from TensorRT %s on may refuse the name %s before they look for plugins", staticChecks, name),
			"onnx-tensorrt docs/Changelog.md, 9.1 GA (static checkers); onnxOpCheckers.cpp of 10.15 refuses it"}
	}
	return Answer{Verdict: Can}
}

// staticChecks is the release whose parser began to check operators by name
// before it imports them.
var staticChecks = Version{9, 1, -1, -1}

// LocalFunctions says whether the parser of TensorRT v takes models that define
// functions of their own.
func LocalFunctions(v Version) Answer {
	const source = "onnx-tensorrt docs/Changelog.md, 9.0 EA"
	switch (era{since: Version{9, 0, -1, -1}}).holds(v) {
	case Can:
		return Answer{Verdict: Can, Source: source}
	case Uncertain:
		return Answer{Uncertain, fmt.Sprintf("the parser of TensorRT %s was not read", v), source}
	}
	return Answer{Cannot, fmt.Sprintf("the parser of TensorRT %s does not know functions that a model defines; 9.0 does", v), source}
}
