package cmdline

import (
	"fmt"
	"io"

	"github.com/trtfarm/trtfarm/internal/catalog"
)

// Help prints the flags that a release takes. The real text runs to hundreds of
// lines; what matters of it to a reader of logs is that it stands there.
func Help(w io.Writer, v catalog.Version) {
	fmt.Fprintf(w, "=== Options of trtexec %s, as trtsim knows them ===\n", v)
	for _, flag := range catalog.Flags() {
		switch s, _ := catalog.FlagSupport(flag, v); s {
		case catalog.Yes:
			fmt.Fprintf(w, "  %s\n", flag)
		case catalog.Deprecated:
			fmt.Fprintf(w, "  %s (deprecated)\n", flag)
		}
	}
}
