// Package story tells the main job from the first command to nothing left: it
// takes the operator's steps one after the other, shows them as a live tree
// and reports what was found.
package story

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/contract"
	"delivery.internal/lib/naming"
	"delivery.internal/lib/promotion"
	"delivery.internal/lib/rehearsal"
	"delivery.internal/lib/rehearsal/operator"
	"delivery.internal/lib/rehearsal/provider"
	"delivery.internal/lib/rehearsal/services"
)

// errRejected ends a delivery that a person did not want.
var errRejected = errors.New("a person has rejected the deployment")

// Story is the main job from the first command to nothing left.
type Story struct {
	Rig      *rehearsal.Rig
	Operator *operator.Operator
	Tree     *Tree
	// Log gets what builds write.
	Log io.Writer
	// Approve answers for the person who approves production.
	Approve func(context.Context, operator.Question) (bool, error)
	// Keep, where set, is called when everything is deployed, and what is
	// deployed is not removed.
	Keep func(context.Context) error
	// InventoryFile gets the inventory at its fullest; none where empty.
	InventoryFile string

	report   Report
	rejected map[naming.Environment]bool // by the last change, and what follows them

	mu      sync.Mutex
	step    string         // the running step, under which the tree grows
	changes map[string]int // of resources in the running step, by kind
}

// Play runs the story to its end and returns its report.
func (s *Story) Play(ctx context.Context) Report {
	s.report = Report{Suffix: s.Rig.Suffix, Started: time.Now(), Types: len(provider.Types()), NotPlayed: NotPlayed(), Deployed: map[string]int{}}
	s.Rig.Cloud.Journal.Listen(s.observeEvent)
	err := s.playStory(ctx)
	s.report.Ended = time.Now()
	if err != nil {
		s.report.Err = err.Error()
	}
	if len(s.report.Deployed) == 0 {
		s.countDeployed() // it failed before its fullest moment
	}
	s.report.Steps = s.Tree.Nodes()
	s.report.Timeline = s.Rig.Cloud.Journal.Events("event", "rule", "pipeline", "stage", "action", "build", "lambda", "github", "alarm", "notification", "denied", "fault")
	s.report.Allowed, s.report.Denied = s.Rig.Calls()
	return s.report
}

func (s *Story) playStory(ctx context.Context) error {
	err := s.Operator.DeployPlatform(ctx, s.platformStep(ctx))
	if err != nil {
		return err
	}
	if err := s.checkProtected(ctx); err != nil {
		return err
	}
	first := s.mergeChange("Deliver the sample workload", nil)
	if err := s.doStep(ctx, "merge a pull request: dev ∥ staging, then production", first); err != nil && !errors.Is(err, errRejected) {
		return err
	}
	s.countDeployed()
	s.checkDeployed()
	if s.InventoryFile != "" {
		if err := writeInventory(s.InventoryFile, s.Rig.Cloud.Deployed()); err != nil {
			return err
		}
	}
	if s.Keep != nil {
		s.checkDenied() // but not what is tried from now on
		return s.Keep(ctx)
	}
	defer s.checkDenied()
	return s.removeEverything(ctx)
}

// removeEverything takes everything away again, the workload by a merged change, as its
// users must.
func (s *Story) removeEverything(ctx context.Context) error {
	manifest, err := operator.Removal(s.Rig.Root)
	if err != nil {
		return err
	}
	last := s.mergeChange("Remove the sample workload", map[string][]byte{"delivery.yaml": manifest})
	rejected := false
	if err := s.doStep(ctx, "merge the removal of the workload", last); errors.Is(err, errRejected) {
		rejected = true
	} else if err != nil {
		return err
	}
	title := "make destroy-all"
	if rejected {
		title += " FORCE=yes"
	}
	if err := s.doStep(ctx, title, func(ctx context.Context) error { return s.Operator.Platform.DestroyAll(ctx, rejected) }); err != nil {
		return err
	}
	left, err := s.Rig.Left()
	if err != nil {
		return err
	}
	all := left.All()
	s.addCheck("nothing is left", left.String()+" in the four accounts and on GitHub", len(all) == 0)
	if len(all) > 0 {
		return fmt.Errorf("destroy-all left %s: %v", left, all)
	}
	return nil
}

// platformStep returns a function that runs a step of the platform's deployment.
func (s *Story) platformStep(ctx context.Context) func(string, func(context.Context) error) error {
	return func(title string, f func(context.Context) error) error { return s.doStep(ctx, title, f) }
}

// doStep runs a step and shows it.
func (s *Story) doStep(ctx context.Context, title string, f func(context.Context) error) error {
	s.beginStep(title)
	s.Tree.Set(Running, "", title)
	err := f(ctx)
	switch {
	case errors.Is(err, errRejected):
		s.Tree.Set(Stopped, err.Error(), title)
	case err != nil:
		s.Tree.Set(Failed, "", title)
		return fmt.Errorf("%s: %w", title, err)
	default:
		s.Tree.Set(Done, "", title)
	}
	return err
}

// mergeChange returns the step that merges a reviewed change and follows its delivery.
func (s *Story) mergeChange(message string, changes map[string][]byte) func(context.Context) error {
	return func(ctx context.Context) error {
		commit, err := s.Operator.Merge(ctx, message, changes)
		if err != nil {
			return err
		}
		s.rejected = map[naming.Environment]bool{}
		for _, e := range s.Rig.Environments.InOrder() {
			if s.rejected[e.Follows] {
				s.rejected[e.Name] = true
			} else if err := s.followDelivery(ctx, e, commit); err != nil {
				return err
			}
		}
		if len(s.rejected) > 0 {
			return errRejected
		}
		return nil
	}
}

// followDelivery waits for a commit to be deployed to an environment, and answers the
// question on the way.
func (s *Story) followDelivery(ctx context.Context, e promotion.Environment, commit string) error {
	if e.Approval {
		yes, err := s.answerApproval(ctx, e.Name, commit)
		if err != nil {
			return err
		}
		if !yes {
			s.rejected[e.Name] = true
			_, err := s.Operator.WaitForEnd(ctx, e.Name, commit)
			return err
		}
	}
	_, err := s.Operator.WaitForDeployment(ctx, e.Name, commit)
	return err
}

// answerApproval waits for an environment's question, and answers it.
func (s *Story) answerApproval(ctx context.Context, env naming.Environment, commit string) (yes bool, err error) {
	q, err := s.Operator.WaitForApproval(ctx, env, commit)
	if err != nil {
		return false, err
	}
	if yes, err = s.Approve(ctx, q); err != nil {
		return false, err
	}
	decision := "rejected"
	if yes {
		decision = "approved"
	}
	s.report.Approvals = append(s.report.Approvals, Approved{q.Pipeline, q.Commit, q.Summary, q.Diff, decision})
	return yes, s.Operator.Decide(env, commit, yes, "decided in the rehearsal")
}

// countDeployed remembers how many resources each stack has.
func (s *Story) countDeployed() {
	for _, d := range s.Rig.Cloud.Deployed() {
		s.report.Deployed[d.Stack]++
	}
}

func (s *Story) addCheck(what, detail string, ok bool) {
	s.report.Checks = append(s.report.Checks, Check{what, detail, ok})
}

// checkProtected tries the way around a review: a push to the delivered branch.
func (s *Story) checkProtected(ctx context.Context) error {
	if _, err := s.Rig.Repository.Commit("Change something without a review", map[string][]byte{"UNREVIEWED": []byte("?\n")}); err != nil {
		return err
	}
	refusal := s.Rig.GitHub.Push(ctx, rehearsal.Branch, rehearsal.Person)
	s.addCheck("the delivered branch takes no direct push", fmt.Sprintf("the answer to one was %v", refusal), refusal != nil)
	return s.Rig.Repository.Checkout(rehearsal.Branch)
}

// checkDeployed looks at what the first change must have done.
func (s *Story) checkDeployed() {
	for _, e := range s.Rig.Environments {
		env, account := e.Name, string(e.Account)
		n := len(s.Rig.Cloud.Find(account, typetoken.Queue, nil)) + len(s.Rig.Cloud.Find(account, typetoken.Topic, nil)) + len(s.Rig.Cloud.Find(account, typetoken.Parameter, nil))
		if s.rejected[env] {
			s.addCheck(fmt.Sprintf("nothing was deployed to %s, which was rejected", env), fmt.Sprintf("%d resources in account %s", n, account), n == 0)
			continue
		}
		s.addCheck(string(env)+"'s workload is in its own account", fmt.Sprintf("%d resources in account %s", n, account), n == 4)
		commit := lastRun(s.Operator.Runs(env)).Variables[contract.VarCommit]
		_, err := s.Rig.Cloud.Objects.Get(s.Rig.Names(naming.Shared).Of(naming.LedgerBucket), contract.LedgerKey(string(env), commit))
		s.addCheck("the ledger holds the deployment to "+string(env), "commit "+shortCommit(commit), err == nil)
	}
	s.checkOrder()
}

func (s *Story) checkDenied() {
	allowed, denied := s.Rig.Calls()
	s.addCheck("no call was denied", fmt.Sprintf("%d of %d", len(denied), allowed+len(denied)), len(denied) == 0)
}

// checkOrder holds the pipelines to requirements S1 to S3.
func (s *Story) checkOrder() {
	commits := map[string]bool{}
	runs := map[naming.Environment]services.Execution{}
	for _, e := range s.Rig.Environments.InOrder() {
		if s.rejected[e.Follows] {
			continue // nothing has started it
		}
		run := lastRun(s.Operator.Runs(e.Name))
		runs[e.Name], commits[run.Variables[contract.VarCommit]], commits[run.Commit] = run, true, true
		s.checkStart(e, runs)
		if approve := run.Action("Approve"); e.Approval {
			approved := approve.Status == services.Succeeded
			s.addCheck(fmt.Sprintf("%s is deployed only after a person's approval", e.Name), "the answer was "+string(approve.Status), approved == (run.Action("Deploy") != nil))
		}
	}
	s.checkParallel(runs)
	s.addCheck("one commit went everywhere", fmt.Sprintf("to %d environments", len(runs)), len(commits) == 1)
	notified := len(s.Rig.Services.Notifications())
	s.addCheck("state changes and the approval were notified", fmt.Sprintf("%d messages", notified), notified > 0)
}

// checkStart: who follows another environment has waited for its success.
func (s *Story) checkStart(e promotion.Environment, runs map[naming.Environment]services.Execution) {
	if e.Follows == "" {
		return
	}
	before, run := runs[e.Follows], runs[e.Name]
	deploy := before.Action("Deploy")
	s.addCheck(fmt.Sprintf("%s started after %s's deployment", e.Name, e.Follows),
		fmt.Sprintf("%s after it began", run.Started.Sub(deploy.Started).Round(time.Millisecond)), run.Started.After(deploy.Started) && before.Status == services.Succeeded)
}

// checkParallel: a push has started all environments that follow no other.
func (s *Story) checkParallel(runs map[naming.Environment]services.Execution) {
	var names []string
	var latest, earliest time.Time // start and end
	for _, e := range s.Rig.Environments {
		if e.Follows != "" {
			continue
		}
		run := runs[e.Name]
		names = append(names, string(e.Name))
		if run.Started.After(latest) {
			latest = run.Started
		}
		if earliest.IsZero() || run.Ended.Before(earliest) {
			earliest = run.Ended
		}
	}
	if len(names) > 1 {
		s.addCheck(strings.Join(names, " and ")+" ran in parallel", fmt.Sprintf("the last one started %s before the first one ended", earliest.Sub(latest).Round(time.Millisecond)), latest.Before(earliest))
	}
}

func lastRun(runs []services.Execution) services.Execution { return runs[len(runs)-1] }

func shortCommit(commit string) string { return commit[:min(len(commit), 12)] }
