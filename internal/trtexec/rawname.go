package trtexec

import (
	"strconv"
	"strings"
)

// RawOutputName is the name of the file that --dumpRawBindingsToFile writes for
// an output, in the working directory. typ is the engine's type as trtexec says
// it: fp32, fp16, bf16, int8, int32, int64, bool, uint8, fp8, int4, fp4. Names of
// tensors that differ only in characters that are unsafe in files share a file.
//
// Some releases shorten names of more than 150 bytes in the middle: look for
// these with ParseRawName and SameRawName.
// Source: NVIDIA/TensorRT, genFilenameSafeString and dumpRawBindingToFiles in
// samples/common, release/8.6 and main.
func RawOutputName(tensor string, dims []int64, typ string) string {
	return safe(tensor + ".output." + joinDims(dims, ".") + "." + typ + ".raw")
}

// safe replaces each byte that is not an ASCII letter or digit or one of "._-,".
func safe(name string) string {
	b := []byte(name)
	for i, c := range b {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && !strings.ContainsRune("._-,", rune(c)) {
			b[i] = '_'
		}
	}
	return string(b)
}

// ParseRawName reads the name of a file that --dumpRawBindingsToFile may have
// written. name is the tensor's as far as the file name tells it: compare it
// with SameRawName. output is false for inputs. dims is empty for a scalar.
func ParseRawName(file string) (name string, output bool, dims []int64, typ string, ok bool) {
	parts := strings.Split(file, ".")
	last := len(parts) - 1
	if last < 4 || parts[last] != "raw" {
		return "", false, nil, "", false
	}
	// Only numbers follow the kind, so it is the last such word of the name.
	kind := last - 3
	for kind > 0 && parts[kind] != "input" && parts[kind] != "output" {
		kind--
	}
	if kind == 0 {
		return "", false, nil, "", false
	}
	if sizes := parts[kind+1 : last-1]; len(sizes) > 1 || sizes[0] != "" {
		for _, size := range sizes {
			d, err := strconv.ParseInt(size, 10, 64)
			if err != nil || strconv.FormatInt(d, 10) != size {
				return "", false, nil, "", false
			}
			dims = append(dims, d)
		}
	}
	return strings.Join(parts[:kind], "."), parts[kind] == "output", dims, parts[last-1], true
}

// Of a file name of more than 150 bytes, trtexec keeps this much at each end
// with "..." between, by the same source.
const keptOfRawName = 73

// SameRawName reports whether a name that ParseRawName returned can be that of a
// tensor.
func SameRawName(name, tensor string) bool {
	want := safe(tensor)
	if name == want {
		return true
	}
	if len(name) < keptOfRawName+3 || name[keptOfRawName:keptOfRawName+3] != "..." {
		return false
	}
	head, tail := name[:keptOfRawName], name[keptOfRawName+3:]
	// At least 151 bytes became 146 and the dots.
	return len(want) >= len(head)+len(tail)+5 && strings.HasPrefix(want, head) && strings.HasSuffix(want, tail)
}
