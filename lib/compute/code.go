package compute

import (
	"debug/elf"
	"fmt"
	"os"
	"path/filepath"
)

// Code is where a function's binary comes from.
type Code struct {
	// Directory holds the file "bootstrap", built by make.
	Directory string
	// Architecture is arm64 or x86_64.
	Architecture string
}

var machines = map[string]elf.Machine{"arm64": elf.EM_AARCH64, "x86_64": elf.EM_X86_64}

// validate refuses what Lambda would only find out about when the function is
// called.
func (c Code) validate() error {
	machine, known := machines[c.Architecture]
	if !known {
		return fmt.Errorf("the architecture is %q: expected arm64 or x86_64", c.Architecture)
	}
	path := filepath.Join(c.Directory, "bootstrap")
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("there is no binary at %s: build it with: make lambda", path)
	}
	if info.Mode()&0o111 == 0 {
		return fmt.Errorf("%s is not executable: build it again with: make lambda", path)
	}
	binary, err := elf.Open(path)
	if err != nil {
		return fmt.Errorf("%s is not a Linux binary: build it with: make lambda", path)
	}
	defer binary.Close()
	if binary.Machine != machine {
		return fmt.Errorf("%s is built for %s, and the function is to run on %s: build it with: make lambda LAMBDA_ARCH=%s", path, binary.Machine, c.Architecture, goArchitecture(c.Architecture))
	}
	return nil
}

// goArchitecture is the name that Go, and so the Makefile, has for one.
func goArchitecture(architecture string) string {
	if architecture == "x86_64" {
		return "amd64"
	}
	return architecture
}
