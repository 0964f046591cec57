//go:build !cgo

// Command ortrun runs ONNX models with ONNX Runtime, which only programs built
// with cgo can load. This one says so.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "ortrun: built without cgo; build it again with CGO_ENABLED=1 and a C compiler")
	os.Exit(1)
}
