package deploy

import (
	"fmt"
	"slices"
	"strings"

	"delivery.internal/lib/contract"
)

const again = "merge another change for a new review"

// checkBundle refuses a bundle that speaks of another run than this one.
func checkBundle(b Bundle, s Settings, manifest string, stacks []string) error {
	var reviewed []string
	for _, r := range b.Stacks {
		reviewed = append(reviewed, r.Name)
	}
	slices.Sort(reviewed)
	slices.Sort(stacks)
	switch {
	case b.Commit != s.Commit:
		return fmt.Errorf("the review is of commit %s and this deployment of %s: %s", b.Commit, s.Commit, again)
	case b.Environment != s.Environment:
		return fmt.Errorf("the review is of environment %s and this deployment of %s: %s", b.Environment, s.Environment, again)
	case b.Account != s.Account:
		return fmt.Errorf("the review is of account %s and this deployment of %s: %s", b.Account, s.Account, again)
	case b.Execution != s.Execution:
		return fmt.Errorf("the review is of pipeline execution %s and this one is %s: %s", b.Execution, s.Execution, again)
	case s.ReviewedDigest == "":
		// The bundle's own digest proves nothing to somebody who wrote it anew.
		return fmt.Errorf("environment variable %s is not set: the pipeline passes the digest that its preview exported; deploy the environment project again", contract.ExportDigest)
	case b.Digest != s.ReviewedDigest:
		return fmt.Errorf("the review that was shown has digest %s and the bundle %s: %s", s.ReviewedDigest, b.Digest, again)
	case b.exportedSummary() != s.ReviewedSummary:
		return fmt.Errorf("the approval showed the summary %q and the review has %q: it was forged; look at what the commit's program does before it runs again", s.ReviewedSummary, b.exportedSummary())
	case b.ManifestDigest != manifest:
		return fmt.Errorf("%s is not the one that was reviewed: %s", ManifestName, again)
	case !slices.Equal(reviewed, stacks):
		return fmt.Errorf("the review is of the stacks %s and %s lists %s: %s", strings.Join(reviewed, ", "), ManifestName, strings.Join(stacks, ", "), again)
	}
	return nil
}

// checkStack refuses a stack whose settings are not the reviewed ones. Another
// state is not a reason to refuse: see checkMoved.
func checkStack(s Stack, review Review) error {
	switch {
	case s.Project != review.Project || s.Remove != review.Remove:
		return fmt.Errorf("the review is of project %s (remove: %t) and this deployment of %s (remove: %t): %s", review.Project, review.Remove, s.Project, s.Remove, again)
	case s.ConfigDigest != review.ConfigDigest:
		return fmt.Errorf("its settings have digest %s and had %s when it was reviewed: %s", s.ConfigDigest, review.ConfigDigest, again)
	}
	return nil
}

// checkPending refuses a stack of which an earlier run was killed in the
// middle of a step: the next update would do that step a second time. The
// engine has looked that no run holds the stack.
func checkPending(s Stack, state State) error {
	if len(state.Pending) == 0 {
		return nil
	}
	return fmt.Errorf("an earlier run of %s was killed in the middle of %s, and going on could do that twice: nothing was changed. "+
		"Look in the target account whether it happened. The pipeline can't settle it by itself, and nobody but its roles may read this state: "+
		"what an administrator can do is in docs/deployment.md under 'A killed update'", s.FullName(), strings.Join(state.Pending, ", "))
}

// checkFresh compares what would happen now with what was reviewed. A binding
// review must be met exactly. Otherwise what was not shown is refused, except
// that a stack that was never deployed, not even since the review, may be created.
func checkFresh(review Review, fresh []Change, deployed bool) error {
	if review.Binding() {
		more, less := unseen(fresh, review.Changes), unseen(review.Changes, fresh)
		if len(more)+len(less) == 0 {
			return nil
		}
		return fmt.Errorf("what would happen is not what was reviewed (not reviewed: %s; no longer: %s): %s", orNothing(more), orNothing(less), again)
	}
	var refused []Change
	for _, c := range unseen(fresh, review.Changes) {
		creation := c.Op == opCreate || c.Op == opOutputs
		if (review.Deployed || deployed) && c.Op != opOutputs || !creation {
			refused = append(refused, c)
		}
	}
	if len(refused) == 0 {
		return nil
	}
	return fmt.Errorf("after what it depends on was deployed, it would change what no review has shown (%s): merge another change; what it depends on is deployed now, so the next review shows and binds it", describe(refused))
}

// beyondNames are the changes that the review has not shown, property by
// property: all of a removal; of others only the options, because plans tell
// the rest with its values.
func beyondNames(fresh, reviewed []Change, removal bool) []Change {
	shown := map[string][]string{}
	for _, c := range reviewed {
		shown[c.URN+" "+c.Op] = append(shown[c.URN+" "+c.Op], append(c.Paths, "")...)
	}
	var out []Change
	for _, c := range fresh {
		if !removal && c.Op != opOptions {
			continue
		}
		paths, found := shown[c.URN+" "+c.Op]
		more := slices.DeleteFunc(slices.Clone(c.Paths), func(path string) bool { return slices.Contains(paths, path) })
		if !found || len(more) > 0 {
			out = append(out, Change{URN: c.URN, Op: c.Op, Paths: more})
		}
	}
	return out
}

func orNothing(changes []Change) string {
	if len(changes) == 0 {
		return "nothing"
	}
	return describe(changes)
}
