package owner_test

import (
	"os/exec"
	"testing"

	"github.com/trtfarm/trtfarm/internal/owner"
)

func TestLife(t *testing.T) {
	self, err := owner.Self()
	if err != nil {
		t.Fatal(err)
	}
	again, err := owner.Parse(self.String())
	if err != nil || again != self {
		t.Fatalf("Parse(%q) = %+v, %v", self, again, err)
	}

	// An ended process that nobody has waited for still has an entry in /proc.
	zombie := exec.Command("/bin/true")
	if err := zombie.Start(); err != nil {
		t.Fatal(err)
	}
	if err := zombie.Wait(); err != nil {
		t.Fatal(err)
	}
	ended := self
	ended.PID = zombie.Process.Pid

	reused, elsewhere, contained := self, self, self
	reused.Start++
	elsewhere.Boot = "another"
	contained.Namespace = "pid:[1]"
	for name, tc := range map[string]struct {
		id   owner.ID
		want owner.Life
	}{
		"this process lives":                                {self, owner.Alive},
		"an ended process is dead":                          {ended, owner.Dead},
		"a number used again is another process":            {reused, owner.Dead},
		"a process of another boot or host is out of sight": {elsewhere, owner.Elsewhere},
		"a process of another container is out of sight":    {contained, owner.Elsewhere},
		"no process at all is not dead":                     {owner.ID{}, owner.Elsewhere},
	} {
		t.Run(name, func(t *testing.T) {
			if got := tc.id.Life(); got != tc.want {
				t.Errorf("%+v.Life() = %d, want %d", tc.id, got, tc.want)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "boot/pid:[1]/1/2", "boot/pid:[1]/-1/2", "b/n/1/x", "////", "b/n/1/2/3"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, err := owner.Parse(s)
		if err != nil {
			return
		}
		again, err := owner.Parse(id.String())
		if err != nil || again != id {
			t.Errorf("Parse(%q) = %+v, but its own text %q reads as %+v, %v", s, id, id, again, err)
		}
	})
}
