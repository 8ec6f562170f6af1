package platform

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"delivery.internal/lib/pulumicli"
)

// state is what one backend holds of a stack.
type state struct {
	exists    bool
	resources map[string]string // id by URN
	secrets   string            // kind of secrets provider: "passphrase", "cloud" or ""
	pending   []string          // "creating URN" of operations that never ended
}

func (s state) isDeployed() bool { return len(s.resources) > 0 }

// readState reads what a backend holds of a project's stack.
func (p *Platform) readState(ctx context.Context, project Project, b backend) (state, error) {
	out := p.run(ctx, p.call(project, b, []string{"stack", "export"}))
	if out.NoStack() {
		return state{}, nil
	}
	if err := p.failure(project, out); err != nil {
		return state{}, err
	}
	d, err := pulumicli.ParseExport([]byte(out.Stdout))
	if err != nil {
		return state{}, fmt.Errorf("%s: %w", project.Name, err)
	}
	s := state{exists: true, resources: map[string]string{}, secrets: d.Secrets.Type, pending: d.PendingOperations()}
	for _, r := range d.Resources {
		s.resources[r.URN] = r.ID
	}
	return s, nil
}

// evidence is all that the next step of bootstrap, or of its removal, depends on.
type evidence struct {
	folder bool // whether the local folder exists
	local  state
	bucket bool
	remote state
}

// isSame says whether both backends hold the same resources: one is a copy.
func (e evidence) isSame() bool { return maps.Equal(e.local.resources, e.remote.resources) }

// refusal is what no step may go past.
func (e evidence) refusal(p *Platform) error {
	if pending := slices.Concat(e.local.pending, e.remote.pending); len(pending) > 0 {
		return fmt.Errorf("an earlier run of bootstrap was killed in the middle of an operation, and going on could create things twice (%s): settle them first with: make refresh PROJECT=bootstrap", strings.Join(pending, ", "))
	}
	if e.local.isDeployed() && e.remote.isDeployed() && !e.isSame() {
		return fmt.Errorf("bootstrap has two states that differ, %d resources in %s and %d in the bucket %s: somebody updated one of them by hand; compare both with 'pulumi stack export' and remove the wrong one",
			len(e.local.resources), p.LocalDir, len(e.remote.resources), p.StateBucket())
	}
	return nil
}

// gatherEvidence looks at everything.
func (p *Platform) gatherEvidence(ctx context.Context) (evidence, error) {
	var e evidence
	project := p.bootstrapProject()
	_, err := os.Stat(p.LocalDir)
	switch {
	case err == nil:
		e.folder = true
	case !errors.Is(err, os.ErrNotExist):
		return e, err
	}
	if e.folder {
		if err := p.releaseDeadLocks(); err != nil {
			return e, err
		}
		if e.local, err = p.readState(ctx, project, p.localBackend()); err != nil {
			return e, err
		}
	}
	if e.bucket, err = p.Storage.Exists(ctx, p.StateBucket()); err != nil {
		return e, err
	}
	if e.bucket {
		if e.remote, err = p.readState(ctx, project, p.remoteBackend(project)); err != nil {
			return e, err
		}
	}
	return e, nil
}

func (p *Platform) bootstrapProject() Project { return p.Projects()[0] }
