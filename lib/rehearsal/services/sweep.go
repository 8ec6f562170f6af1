package services

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
)

// sweepRounds bounds how often the table of processes is read: one that forks
// while it is read can hide a child.
const sweepRounds = 10

// sweep kills every process that has one of the variables in its environment,
// as the end of a container would. The engine and its plugins have process groups of
// their own, which the end of a shell does not reach. Where there is no /proc
// they end by themselves, when they notice that nobody is left.
func sweep(variables ...string) {
	for range sweepRounds {
		environments, _ := filepath.Glob("/proc/[0-9]*/environ") // the pattern is good
		found := false
		for _, file := range environments {
			text, err := os.ReadFile(file)
			marked := func(variable string) bool {
				return bytes.Contains(append([]byte{0}, text...), []byte("\x00"+variable+"\x00"))
			}
			if err != nil || !slices.ContainsFunc(variables, marked) {
				continue
			}
			if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil && pid != os.Getpid() {
				found = syscall.Kill(pid, syscall.SIGKILL) == nil || found
			}
		}
		if !found {
			return
		}
	}
}
