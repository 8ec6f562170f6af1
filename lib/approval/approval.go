// Package approval reads the words that an approver can put into the comment of
// an approval. Approving a deployment says that it may happen; a word says that
// one thing in it, which nobody should approve by the way, was seen and meant.
//
// A comment is free text. What stands apart in it, between white space, may be a
// word:
//
//	approve-broadening        the permissions that the review says are broadened
//	approve-emptying:STACK    that STACK loses its last resource
//
// The name of a stack alone is no word: people write "orders looks good".
package approval

import (
	"fmt"
	"slices"
	"strings"
)

// The words of a comment.
const (
	Broadening = "approve-broadening"
	// Emptying is followed by the name of a stack.
	Emptying = "approve-emptying:"
)

// Words are what a comment approves beyond the deployment.
type Words struct {
	Broadening bool
	Emptied    []string // names of stacks, as given
}

// Parse reads the words of a comment. It refuses what looks like a word and is
// none, and stacks that there are not: somebody meant something by them.
func Parse(comment string, stacks []string) (Words, error) {
	var out Words
	for _, token := range strings.Fields(comment) {
		token = strings.Trim(token, "\"'`()[]<>,;.!?")
		stack, empties := strings.CutPrefix(token, Emptying)
		switch {
		case token == Broadening:
			out.Broadening = true
		case empties && !slices.Contains(stacks, stack):
			return Words{}, fmt.Errorf("the approval's comment says %q, and there is no stack %q: expected one of %s", token, stack, strings.Join(stacks, ", "))
		case empties:
			out.Emptied = append(out.Emptied, stack)
		case resembles(token):
			return Words{}, fmt.Errorf("the approval's comment says %q, which is no word that approves anything: expected %s, or %sSTACK, in these letters", token, Broadening, Emptying)
		}
	}
	return out, nil
}

// resembles says whether somebody may have meant a token as a word: in other
// letters, with another hyphen, or misspelt in one half.
func resembles(token string) bool {
	half := strings.FieldsFunc(strings.ToLower(token), func(r rune) bool { return !('a' <= r && r <= 'z') })
	if len(half) < 2 {
		return strings.HasPrefix(strings.ToLower(token), "approvebroad") || strings.HasPrefix(strings.ToLower(token), "approveempt")
	}
	verb := strings.HasPrefix(half[0], "approv") || strings.HasPrefix(half[0], "aprov")
	object := strings.HasPrefix(half[1], "broad") || strings.HasPrefix(half[1], "empt")
	return verb || object && half[0] != "non"
}
