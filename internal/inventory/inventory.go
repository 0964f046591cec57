// Package inventory reads lists of GPUs that hosts and clusters print about
// themselves: what nvidia-smi says of a host, and what kubectl says of nodes.
package inventory

// GPU is one kind of GPU at one place. Fields that the list does not tell are
// zero.
type GPU struct {
	Where     string // node or host; "" when the list names none
	Product   string // as the driver or the label prints it, without marks of slices and sharing
	UUID      string
	SM        string // compute capability, "7.5"
	MemoryMiB int64
	Driver    string
	MIG       string // profile of a slice: "1g.5gb"
	Shared    bool   // time-shared with others
	Count     int    // how many of it there are, at least 1
}

// Read reads a list of GPUs: the JSON of "kubectl get nodes -o json", or what
// "nvidia-smi -L", "nvidia-smi -q -x" and "nvidia-smi --query-gpu=... --format=csv"
// print. It fails, naming line or place, when the text is none of these.
func Read(text []byte) ([]GPU, error) { return read(text) }
