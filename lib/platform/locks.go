package platform

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// lock is what the CLI writes about who holds a stack.
type lock struct {
	Pid      int    `json:"pid"`
	Hostname string `json:"hostname"`
}

// releaseDeadLocks removes locks in the local folder whose holder was killed:
// a process of this machine that no longer runs. Nobody else uses the folder.
func (p *Platform) releaseDeadLocks() error {
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	return filepath.WalkDir(filepath.Join(p.LocalDir, ".pulumi", "locks"), func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || d.IsDir() || filepath.Ext(path) != ".json" {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var l lock
		if json.Unmarshal(text, &l) != nil || l.Hostname != host || l.Pid <= 0 || isAlive(l.Pid) {
			return nil
		}
		p.say("removing the lock of process %d, which no longer runs", l.Pid)
		return os.Remove(path)
	})
}

func isAlive(pid int) bool { return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }
