package platform

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"delivery.internal/lib/naming"
)

// DestroyAll removes the installation, in the order in which nothing is taken
// from under anything else, and proves that no state is left. It may be
// interrupted anywhere and run again. Unless forced it refuses while a
// workload is deployed, because a workload's state goes with its bucket.
func (p *Platform) DestroyAll(ctx context.Context, force bool) error {
	exists, err := p.Storage.Exists(ctx, p.StateBucket())
	if err != nil {
		return err
	}
	if !force {
		if err := p.refuseWorkloads(ctx); err != nil {
			return err
		}
	}
	if exists {
		if err := p.needsTokenToDestroy(ctx); err != nil {
			return err
		}
		if err := p.removeProjects(ctx); err != nil {
			return err
		}
	}
	if err := p.takeSteps(ctx, p.nextOfRemoval); err != nil {
		return err
	}
	if err := p.forgetKeys(); err != nil {
		return err
	}
	p.say("nothing of the installation %s is left; its keys are unusable and go in 7 days", p.Suffix)
	return nil
}

// refuseWorkloads looks at the names in the workload buckets only: the
// operators can't read what is in them.
func (p *Platform) refuseWorkloads(ctx context.Context) error {
	var found []string
	for _, env := range p.Environments.Names() {
		bucket := p.names.In(env).Of(naming.StateBucket)
		exists, err := p.Storage.Exists(ctx, bucket)
		if err != nil {
			return err
		}
		if !exists {
			continue
		}
		keys, err := p.Storage.Keys(ctx, bucket, stacksPrefix)
		if err != nil {
			return err
		}
		for _, stack := range stacksIn(keys) {
			found = append(found, string(env)+": "+stack)
		}
	}
	if len(found) == 0 {
		return nil
	}
	return fmt.Errorf("workloads still have stacks (%s): their resources would be orphaned when their state goes; set \"remove: true\" for them in delivery.yaml and merge that, or, to lose the state, run: make destroy-all FORCE=yes", strings.Join(found, ", "))
}

const stacksPrefix = ".pulumi/stacks/"

// stacksIn returns project/stack of each object that is a stack's state.
// Beside it lie backups (.bak) and attributes (.attrs).
func stacksIn(keys []string) []string {
	var stacks []string
	for _, key := range keys {
		name, ok := strings.CutSuffix(strings.TrimSuffix(strings.TrimPrefix(key, stacksPrefix), ".gz"), ".json")
		if ok && path.Base(name) != "" {
			stacks = append(stacks, name)
		}
	}
	return stacks
}

// removeProjects removes all projects but bootstrap, then makes sure that no
// other stack is in the bucket.
func (p *Platform) removeProjects(ctx context.Context) error {
	for _, project := range p.removalOrder() {
		if err := p.removeProject(ctx, project, []string{"destroy", "--yes", "--skip-preview"}); err != nil {
			return err
		}
	}
	project := p.bootstrapProject()
	text, err := p.callOutput(ctx, project, p.remoteBackend(project), "stack", "ls", "--all", "--json")
	if err != nil {
		return err
	}
	var stacks []struct {
		Name      string `json:"name"`
		Resources *int   `json:"resourceCount"`
	}
	if err := json.Unmarshal([]byte(text), &stacks); err != nil {
		return fmt.Errorf("the list of stacks can't be read: %w", err)
	}
	var left []string
	for _, s := range stacks {
		own := s.Name == p.Suffix || s.Name == project.fullStack()
		if !own && (s.Resources == nil || *s.Resources > 0) {
			left = append(left, s.Name)
		}
	}
	if len(left) > 0 {
		return fmt.Errorf("stacks that are not the platform's are in %s (%s): destroy them before the bucket goes", p.StateBucket(), strings.Join(left, ", "))
	}
	return nil
}

// removalOrder is the environments, the last one first, then shared, then
// targets: each goes before what it reads.
func (p *Platform) removalOrder() []Project {
	var environments, shared, targets []Project
	for _, project := range p.Projects() {
		switch {
		case project.Dir == "targets":
			targets = append(targets, project)
		case strings.HasPrefix(project.Dir, environmentsDir+"/"):
			environments = append(environments, project)
		case project.Dir != bootstrapDir:
			shared = append(shared, project)
		}
	}
	slices.Reverse(environments)
	slices.Reverse(targets)
	return slices.Concat(environments, shared, targets)
}

// nextOfRemoval takes bootstrap's state out of its own bucket, and destroys
// bootstrap from there. Once the remote copy is removed the local one is the
// only one, so that the two can't differ.
func (p *Platform) nextOfRemoval(e evidence) (*step, error) {
	project := p.bootstrapProject()
	local, remote := p.localBackend(), p.remoteBackend(project)
	switch {
	case e.remote.isDeployed() && !e.local.exists:
		return p.initLocal(), nil
	case e.remote.isDeployed() && !e.local.isDeployed():
		return p.copyState(remote, local, "copying bootstrap's state out of its own bucket"), nil
	case e.local.isDeployed() && e.local.secrets == "cloud":
		return p.changeSecrets(local, "passphrase", "encrypting the local state without the platform key, which is about to go"), nil
	case e.remote.isDeployed():
		return p.removeCopy(project, remote), nil
	case e.local.isDeployed():
		return &step{"destroying the keys and the state buckets", func(ctx context.Context) error {
			return p.cli(ctx, project, local, "destroy", "--yes", "--skip-preview")
		}}, nil
	case e.bucket:
		return nil, fmt.Errorf("bucket %s still exists, but no state of bootstrap does: remove the bucket by hand after looking at what is in it", p.StateBucket())
	case e.folder:
		return p.discardLocal("removing the empty local folder"), nil
	}
	return nil, nil
}

func (p *Platform) removeCopy(project Project, remote backend) *step {
	return &step{"removing the copy of bootstrap's state in the bucket", func(ctx context.Context) error {
		return p.cli(ctx, project, remote, "stack", "rm", "--yes", "--force", "--preserve-config")
	}}
}

// forgetKeys takes the keys that no longer exist out of the stack files, so
// that the installation can be made again with the same files.
func (p *Platform) forgetKeys() error {
	for _, project := range p.Projects() {
		if err := p.dropDeadKey(project); err != nil {
			return err
		}
	}
	return nil
}
