package deploy

import (
	"fmt"
	"strings"
)

// words are how operations are summed up, in this order. Creations and
// deletions that belong to a replacement are not counted on top of it.
var words = []struct{ op, word string }{
	{opCreate, "create"}, {opUpdate, "update"}, {"replace", "replace"}, {opDelete, "delete"}, {"import", "import"}, {opOutputs, "change outputs"}, {opOptions, "change options"},
}

// summary says in one line what a review holds, for instance
// "2 stacks: 3 to create, 1 to update".
func summary(stacks []Review) string {
	counts, unbound := map[string]int{}, 0
	for _, r := range stacks {
		for _, c := range r.Changes {
			if c.Type() != rootType || c.Op == opOutputs {
				counts[c.Op]++
			}
		}
		if !r.Binding() {
			unbound++
		}
	}
	var parts []string
	for _, w := range words {
		if n := counts[w.op]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d to %s", n, w.word))
		}
	}
	if unbound > 0 {
		parts = append(parts, fmt.Sprintf("%d to be previewed again when deploying", unbound))
	}
	if len(parts) == 0 {
		parts = []string{"no changes"}
	}
	noun := "stacks"
	if len(stacks) == 1 {
		noun = "stack"
	}
	return fmt.Sprintf("%s%d %s: %s", broadenedWords(stacks), len(stacks), noun, strings.Join(parts, ", "))
}

// renderSummary is the short text of the review.
func renderSummary(b Bundle) string {
	var t strings.Builder
	fmt.Fprintf(&t, "%s\nenvironment %s, account %s, commit %s\ndigest %s\n", b.Summary, b.Environment, b.Account, b.Commit, b.Digest)
	if text := renderBroadened(b.Stacks); text != "" {
		fmt.Fprintf(&t, "\nPermissions broadened:\n%s", text)
	}
	for _, r := range b.Stacks {
		fmt.Fprintf(&t, "\n%s: %s\n", r.Name, headline(r))
		for _, c := range r.Changes {
			fmt.Fprintf(&t, "  %s\n", line(c))
		}
	}
	return t.String()
}

func headline(r Review) string {
	text := strings.TrimPrefix(summary([]Review{{Changes: r.Changes, Previewed: true}}), "1 stack: ")
	if !r.Previewed {
		text = "not previewed"
	}
	if r.Remove {
		text = "to be removed, " + text
	}
	if !r.Binding() {
		text += "; not binding: " + r.Unbound
	}
	return text
}

var signs = map[string]string{opCreate: "+", opUpdate: "~", opDelete: "-", "replace": "+-", "create-replacement": "++", "delete-replaced": "--", opOutputs: "="}

func line(c Change) string {
	sign, ok := signs[c.Op]
	if !ok {
		sign = "*"
	}
	text := fmt.Sprintf("%-2s %s %s %s", sign, c.Op, c.Type(), c.Name())
	if len(c.Paths) > 0 {
		text += ": " + strings.Join(c.Paths, ", ")
	}
	return text
}

// renderDiff is the long text of the review, for people: what changes, value
// by value. Secrets are masked.
func renderDiff(b Bundle) string {
	var t strings.Builder
	fmt.Fprintf(&t, "# %s\n\n", b.Summary)
	fmt.Fprintf(&t, "environment `%s`, account `%s`, commit `%s`, execution `%s`, reviewed `%s`\n", b.Environment, b.Account, b.Commit, b.Execution, b.Reviewed)
	if text := renderBroadened(b.Stacks); text != "" {
		fmt.Fprintf(&t, "\n## Permissions broadened\n\n%s", text)
	}
	for _, r := range b.Stacks {
		fmt.Fprintf(&t, "\n## %s\n\n%s\n", r.Name, headline(r))
		if len(r.Changes)+len(r.Details) > 0 {
			t.WriteString("\n")
		}
		for _, c := range r.Changes {
			fmt.Fprintf(&t, "    %s\n", line(c))
		}
		for _, d := range r.Details {
			if len(d.Lines) == 0 {
				continue
			}
			c := Change{URN: d.URN, Op: d.Op}
			fmt.Fprintf(&t, "\n    %s %s %s\n", d.Op, c.Type(), c.Name())
			for _, l := range d.Lines {
				fmt.Fprintf(&t, "      %s\n", l)
			}
		}
	}
	return t.String()
}
