//go:build cgo

// Command ortrun runs one ONNX model on the CPU with ONNX Runtime, in a process
// of its own: a job comes as one JSON document on standard input, tensors come
// and go as raw files, and the answer is one JSON document on standard output.
//
//	{"model":"model.onnx","inputs":[{"name":"x","type":1,"shape":[1,3],"file":"x.raw"}],"outdir":"out"}
//
// Types are the numbers of TensorProto.DataType. A failure is exit code 1 and
// one line on standard error.
//
// It speaks ONNX Runtime's C interface itself. The Go binding onnxruntime_go
// (1.27) cannot return tensors of rank 0, and of float16 and bfloat16 outputs it
// copies one byte for each element.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

const usage = "usage: ortrun <job.json, or ortrun --version"

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout, os.Getenv); err != nil {
		fmt.Fprintln(os.Stderr, "ortrun: "+strings.Join(strings.Fields(err.Error()), " "))
		os.Exit(1)
	}
}

// run does what the command does, with the library and the number of threads
// (ORT_LIBRARY, ORTRUN_THREADS) taken from getenv.
func run(args []string, in io.Reader, out io.Writer, getenv func(string) string) error {
	version := len(args) == 1 && args[0] == "--version"
	if len(args) > 0 && !version {
		return fmt.Errorf("unknown argument %q; %s", args[0], usage)
	}
	threads := 0
	if text := getenv("ORTRUN_THREADS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 || n > 1024 {
			return fmt.Errorf("ORTRUN_THREADS is %q; want a number of threads, or 0 for one per core", text)
		}
		threads = n
	}
	var j job
	if !version {
		var err error
		if j, err = readJob(in); err != nil {
			return err
		}
	}
	library := getenv("ORT_LIBRARY")
	if library == "" {
		self, err := os.Executable()
		if err != nil {
			return err
		}
		library = filepath.Join(filepath.Dir(self), "libonnxruntime.so.1")
	}
	s, err := open(library)
	if err != nil {
		return fmt.Errorf("%w; set ORT_LIBRARY to libonnxruntime.so.1, or put it beside ortrun", err)
	}
	res := result{Runtime: s.version()}
	if !version {
		if res, err = do(s, j, threads); err != nil {
			return err
		}
	}
	return json.NewEncoder(out).Encode(res)
}
