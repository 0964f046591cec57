package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/trtfarm/trtfarm/internal/artifact"
	"github.com/trtfarm/trtfarm/internal/engine"
	"github.com/trtfarm/trtfarm/internal/fault"
	"github.com/trtfarm/trtfarm/internal/httpfile"
	"github.com/trtfarm/trtfarm/internal/onnx"
	"github.com/trtfarm/trtfarm/internal/report"
	"github.com/trtfarm/trtfarm/internal/trtexec"
)

// inspectOptions are the flags of inspect.
type inspectOptions struct {
	asJSON    bool
	against   []string
	builtWith string
}

func newInspect(s streams) *cobra.Command {
	var o inspectOptions
	cmd := &cobra.Command{
		Use:   "inspect FILE...",
		Short: "say what a file is: which TensorRT and GPU made an engine, where it will run, what a model needs",
		Long: `inspect tells from the bytes alone what a file is; no GPU and no TensorRT take
part. FILE is a file of this machine, - for standard input, or an address that
begins with s3:// or https://, of which at most a few KiB are read.

--against asks whether an engine will run at a place, and may be given more than
once. A place is
  a GPU and what runs there    t4,trt=8.6.1    sm=8.6,image=24.08-py3
  a list of GPUs               nodes.json,image=24.08-py3
                               (kubectl get nodes -o json, or what nvidia-smi prints)
  a farm file                  trtfarm.toml,image=24.08-py3
  this machine                 host,trt=10.3.0.26
The answer is valid, suboptimal, invalid or unknown, with the reason. It does not
change the exit code.`,
		Example: "  trtfarm inspect resnet50.plan --against t4,image=24.08-py3",
		Args:    args(1, -1, "one or more files"),
		RunE: func(cmd *cobra.Command, files []string) error {
			return runInspect(cmd.Context(), s, o, files)
		},
	}
	cmd.Flags().BoolVar(&o.asJSON, "json", false, "print JSON")
	cmd.Flags().StringArrayVar(&o.against, "against", nil, "judge whether it will run at this `PLACE`")
	cmd.Flags().StringVar(&o.builtWith, "built-with", "", "trtexec `FLAGS` that built the engine and that its bytes do not tell, such as --versionCompatible")
	return cmd
}

func runInspect(ctx context.Context, s streams, o inspectOptions, names []string) error {
	judge, err := newJudge(ctx, s, o)
	if err != nil {
		return err
	}
	var found []*report.Inspected
	var codes []fault.Code
	for _, name := range names {
		one, f, err := inspectOne(ctx, s, name)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			fmt.Fprintln(s.err, "trtfarm:", err)
			codes = append(codes, fault.CodeOf(err))
			continue
		}
		var perhaps []string
		one.LoadsIn, perhaps = images(f)
		one.Notes = append(one.Notes, perhaps...)
		one.Against = judge.ask(f)
		if !o.asJSON {
			if len(found) > 0 {
				fmt.Fprintln(s.out)
			}
			if err := report.Inspect(s.out, one); err != nil {
				return err
			}
		}
		found = append(found, one)
	}
	if o.asJSON {
		if err := report.InspectJSON(s.out, found); err != nil {
			return err
		}
	}
	if code := fault.Combine(codes); code != fault.OK {
		return exitCode(code)
	}
	return nil
}

// inspectOne looks into one file.
func inspectOne(ctx context.Context, s streams, name string) (*report.Inspected, engine.File, error) {
	o, err := openSubject(ctx, s, name)
	if err != nil {
		return nil, engine.File{}, err
	}
	defer o.close()
	f, err := o.look()
	if err != nil {
		return nil, f, o.fault(err)
	}
	one := report.NewInspected(o.name, f)
	one.Notes = append(one.Notes, o.notes...)
	if !o.far {
		digest, err := sumSubject(ctx, s, o)
		if err != nil {
			return nil, f, o.fault(err)
		}
		one.MD5, one.SHA256 = digest.MD5, digest.SHA256
	}
	if f.Kind == engine.ONNX {
		if err := addModel(one, o); err != nil {
			return nil, f, o.fault(err)
		}
	}
	return one, f, nil
}

// look says what the file is. Of a file that is far away no more is read than it
// takes; where that is not enough, what was found stands, with a note.
func (o *subjectFile) look() (engine.File, error) {
	if !o.far {
		return engine.Inspect(o.r, o.size)
	}
	f, err := engine.Skim(o.r, o.size)
	if errors.Is(err, httpfile.ErrBeyond) {
		o.notes = append(o.notes, fmt.Sprintf("%s; download it to learn the rest", o.short()))
		err = nil
	}
	return f, err
}

// addModel adds what an ONNX model declares. A model that cannot be read is still
// an answer.
func addModel(one *report.Inspected, o *subjectFile) error {
	m, err := onnx.Read(o.section(), o.size)
	if told, ok := errors.AsType[*onnx.Error](err); ok {
		one.Notes = append([]string{"its graph cannot be read: " + told.Error()}, one.Notes...)
		return nil
	}
	if errors.Is(err, httpfile.ErrBeyond) {
		one.Notes = append(one.Notes, fmt.Sprintf("%s; download it to see its inputs and operators", o.short()))
		return nil
	}
	if err != nil {
		return err
	}
	one.ONNX = report.NewModel(m)
	if m.FileBytes > onnx.MaxFile {
		one.Notes = append([]string{"more than 2 GiB in one file is no valid model: protobuf cannot count so far; keep the weights in files of their own"}, one.Notes...)
	}
	if o.path == "" {
		return nil
	}
	for i, e := range m.External {
		err := onnx.CheckExternal(o.path, &onnx.Model{External: []onnx.External{e}})
		there := err == nil
		one.ONNX.External[i].Present = &there
		if err != nil {
			one.Notes = append([]string{strings.TrimPrefix(err.Error(), o.path+": ")}, one.Notes...)
		}
	}
	return nil
}

// sumSubject hashes a file of this machine in one pass.
func sumSubject(ctx context.Context, s streams, o *subjectFile) (artifact.Digest, error) {
	digest, err := artifact.Sum(&watched{ctx: ctx, r: o.section(), name: o.name, size: o.size, say: s.err})
	if err == nil && digest.Size != o.size {
		err = errors.New("it became shorter while it was read")
	}
	return digest, err
}

// builtModes reads the modes that the user knows the engine to have.
func builtModes(flags string) *trtexec.Modes {
	if flags == "" {
		return nil
	}
	modes := trtexec.ModesOf(strings.Fields(flags))
	return &modes
}
