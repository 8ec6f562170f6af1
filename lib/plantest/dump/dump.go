// Package dump holds the resources of a stack as a file, which tests write and
// make permissions-diff reads. It links no Pulumi, so that commands may use it.
package dump

import (
	"encoding/json"
	"os"
	"path/filepath"
)

// Variable names the folder into which tests write.
const Variable = "PLANTEST_DUMP"

// Stack is a stack's resources as a file.
type Stack struct {
	Project   string     `json:"project"`
	Stack     string     `json:"stack"`
	Resources []Resource `json:"resources"`
}

// Resource is a resource with its inputs.
type Resource struct {
	URN    string         `json:"urn"`
	Type   string         `json:"type"`
	Inputs map[string]any `json:"inputs"`
}

// Read reads all stacks of a folder.
func Read(dir string) ([]Stack, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, err
	}
	var out []Stack
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var s Stack
		if err := json.Unmarshal(text, &s); err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}
