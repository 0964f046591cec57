package executortest

// Script is what the suite's agent does: its ops, in their order. It takes the
// place of a task on the agent's standard input.
type Script struct {
	Ops []Op `json:"ops"`
}

// Op is one thing for the suite's agent to do. What it finds, it prints as one
// line on its standard output: the op's name, a space, and the finding.
type Op struct {
	Do   string `json:"do"`
	N    int    `json:"n,omitempty"`
	Text string `json:"text,omitempty"`
	Path string `json:"path,omitempty"`
}

// The ops.
const (
	Lines  = "lines"  // prints N numbered lines, alternately to both streams when Text is "both"
	Exit   = "exit"   // exits with N
	Dial   = "dial"   // connects to the TCP address Text
	Env    = "env"    // prints the environment, one variable a line
	Write  = "write"  // writes Text to Path
	Read   = "read"   // prints the file at Path
	List   = "list"   // prints the names in folder Path
	Spawn  = "spawn"  // starts a child that idles; Text "session": in a session of its own; "stranger": besides, without environment or working directory
	Ignore = "ignore" // ignores SIGTERM, SIGINT and SIGHUP
	Hang   = "hang"   // does nothing for an hour
	Self   = "self"   // prints the user's number, the working directory, and the program's first argument
	Eat    = "eat"    // takes N MiB of memory and touches all of it
)
