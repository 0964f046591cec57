// Package inventory reads lists of GPUs that hosts and clusters print about
// themselves: what nvidia-smi says of a host, and what kubectl says of nodes.
package inventory

// GPU is one kind of GPU at one place. Fields that the list does not tell are
// zero.
type GPU struct {
	Where     string // "node gpu-7"; "" when the list names none
	Product   string // as the driver or the label prints it, without marks of slices and sharing; ends in "..." where nvidia-smi cut it
	UUID      string // of the only one, when Count is 1
	SM        string // compute capability, "7.5"
	MemoryMiB int64
	Driver    string
	MIG       string // profile of a slice: "1g.5gb"; UnknownSlice or BrokenSlices
	Shared    bool   // time-shared with others
	OS, Arch  string // "linux", "amd64"
	Count     int    // how many of it there are, at least 1
}

const (
	// UnknownSlice is the profile of a slice of which the list says only that it
	// is one: nvidia-smi -q -x and nvidia-smi's table name no profiles.
	UnknownSlice = "unknown"
	// BrokenSlices is the profile where GPU feature discovery says that the slices
	// of a node do not fit the strategy "single": the node offers none of them.
	BrokenSlices = "invalid"
)

// MaxBytes is the longest list that is read.
const MaxBytes = 64 << 20

// Read reads a list of GPUs: the JSON of "kubectl get nodes -o json", or what
// "nvidia-smi", "nvidia-smi -L", "nvidia-smi -q", "nvidia-smi -q -x" and
// "nvidia-smi --query-gpu=... --format=csv" print. GPUs that differ in nothing but their
// UUID are one entry with a count; the order is that of the list. It fails,
// naming the line, when the text is none of these, is cut off, or tells of no
// GPU at all, and says which command prints a list that can be read.
func Read(text []byte) ([]GPU, error) { return read(text) }
