package owner

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// folderPrefix is what the names of all temporary folders of trtfarm begin with.
const folderPrefix = "trtfarm-"

// MakeFolder makes a temporary folder below root, for one kind of use. Its name
// says whose it is, so that there is no moment, however short, in which a folder
// exists that nobody knows the owner of.
func MakeFolder(root, kind string) (string, error) {
	self, err := Self()
	if err != nil {
		return "", fmt.Errorf("name this process: %w", err)
	}
	return os.MkdirTemp(root, folderPrefix+kind+"-"+self.short()+"-")
}

// DeadFolders lists the folders below root that processes of this user made for
// a kind of use, and left when they died.
func DeadFolders(root, kind string) ([]string, error) {
	entries, err := os.ReadDir(root)
	if err != nil {
		return nil, err
	}
	boot, namespace, err := here()
	if err != nil {
		return nil, err
	}
	var dead []string
	for _, entry := range entries {
		rest, ours := strings.CutPrefix(entry.Name(), folderPrefix+kind+"-")
		if !ours || !entry.IsDir() {
			continue
		}
		info, err := entry.Info()
		if err != nil {
			continue // gone meanwhile
		}
		if st, ok := info.Sys().(*syscall.Stat_t); !ok || int(st.Uid) != os.Geteuid() {
			continue
		}
		if id, ok := parseShort(rest, boot, namespace); ok && id.Life() == Dead {
			dead = append(dead, filepath.Join(root, entry.Name()))
		}
	}
	return dead, nil
}

// short is a form of id for names of files: the boot and the namespace in it can
// be compared with one's own, not read.
func (id ID) short() string {
	return fmt.Sprintf("%s-%d-%d", place(id.Boot, id.Namespace), id.PID, id.Start)
}

// parseShort reads what begins with a short form, of a process of this boot and
// namespace; ok is false for any other text.
func parseShort(text, boot, namespace string) (id ID, ok bool) {
	part := strings.Split(text, "-")
	if len(part) != 4 || part[0] != place(boot, namespace) {
		return ID{}, false
	}
	pid, err := strconv.Atoi(part[1])
	if err != nil || pid <= 0 {
		return ID{}, false
	}
	start, err := strconv.ParseUint(part[2], 10, 64)
	return ID{Boot: boot, Namespace: namespace, PID: pid, Start: start}, err == nil
}

// place stands for one boot and process namespace among all that ever were.
func place(boot, namespace string) string {
	sum := sha256.Sum256([]byte(boot + "/" + namespace))
	return hex.EncodeToString(sum[:8])
}
