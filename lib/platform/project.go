package platform

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Up deploys projects in order.
func (p *Platform) Up(ctx context.Context, name string) error {
	if name == bootstrapDir {
		return p.Bootstrap(ctx)
	}
	return p.forEachProject(name, func(project Project) error {
		b := p.remoteBackend(project)
		if err := p.ensureStack(ctx, project, b); err != nil {
			return err
		}
		p.say("updating %s", project.Name)
		return p.cli(ctx, project, b, p.withConsent("up")...)
	})
}

// Preview shows what an update of projects would do.
func (p *Platform) Preview(ctx context.Context, name string) error {
	return p.forEachProject(name, func(project Project) error {
		b, err := p.stateBackend(ctx, project)
		if err != nil {
			return err
		}
		if err := p.ensureStack(ctx, project, b); err != nil {
			return err
		}
		return p.cli(ctx, project, b, "preview", "--diff")
	})
}

// Refresh compares projects' states with the cloud, and settles operations of
// an update that was killed. With a person at hand pulumi asks what became of
// each; else it forgets creations that never ended, and AWS refuses the twin
// of what does exist.
func (p *Platform) Refresh(ctx context.Context, name string) error {
	return p.forEachProject(name, func(project Project) error {
		b, err := p.stateBackend(ctx, project)
		if err != nil {
			return err
		}
		p.say("comparing the state of %s with the cloud", project.Name)
		args := p.withConsent("refresh")
		if p.In == nil {
			args = append(args, "--clear-pending-creates")
		}
		return p.cli(ctx, project, b, args...)
	})
}

// Destroy removes what projects made, the last one first. Bootstrap holds the
// states of all the others, so only DestroyAll removes it.
func (p *Platform) Destroy(ctx context.Context, name string) error {
	if name == bootstrapDir {
		return errors.New("bootstrap can't be destroyed alone, because every other state is in its bucket: run: make destroy-all")
	}
	projects, err := p.Select(name)
	if err != nil {
		return err
	}
	for _, project := range projects {
		if err := p.needsToken(project); err != nil {
			return err
		}
	}
	for i := len(projects) - 1; i >= 0; i-- {
		if err := p.removeProject(ctx, projects[i], p.withConsent("destroy")); err != nil {
			return err
		}
	}
	return nil
}

// withConsent adds the consent that nobody can be asked for.
func (p *Platform) withConsent(verb string) []string {
	if p.In == nil {
		return []string{verb, "--yes", "--skip-preview"}
	}
	return []string{verb}
}

func (p *Platform) forEachProject(name string, do func(Project) error) error {
	projects, err := p.Select(name)
	if err != nil {
		return err
	}
	for _, project := range projects {
		if err := p.needsToken(project); err != nil {
			return err
		}
		if err := do(project); err != nil {
			return err
		}
	}
	return nil
}

// stateBackend finds a project's state: in the bucket, except for a bootstrap that
// has not moved there yet.
func (p *Platform) stateBackend(ctx context.Context, project Project) (backend, error) {
	remote := p.remoteBackend(project)
	if project.Dir != bootstrapDir {
		return remote, p.needsBucket(ctx)
	}
	e, err := p.gatherEvidence(ctx)
	if err != nil || e.remote.isDeployed() {
		return remote, err
	}
	if !e.local.exists {
		return remote, errors.New("bootstrap was never deployed: run: make bootstrap")
	}
	return p.localBackend(), nil
}

func (p *Platform) needsBucket(ctx context.Context) error {
	exists, err := p.Storage.Exists(ctx, p.StateBucket())
	if err == nil && !exists {
		return fmt.Errorf("the platform's state bucket %s does not exist: run first: make bootstrap", p.StateBucket())
	}
	return err
}

// needsStackFile keeps the CLI from asking for values that configure writes.
func (p *Platform) needsStackFile(project Project) error {
	file := p.stackPath(project)
	if _, err := os.Stat(file); err != nil {
		return fmt.Errorf("%s is not configured (%w): run: make configure", project.Name, err)
	}
	if project.Dir != "targets" {
		return nil
	}
	// The stacks of targets are named after environments, so that the file of
	// another installation could be taken for this one's.
	f, err := openStackFile(file)
	if err != nil {
		return err
	}
	if suffix := f.textOf("targets:environmentSuffix"); suffix != p.Suffix {
		return fmt.Errorf("%s is configured for the installation %q and not for %q: run: make configure SUFFIX=%s", project.Name, suffix, p.Suffix, p.Suffix)
	}
	return nil
}

func (p *Platform) stackPath(project Project) string {
	return filepath.Join(p.ProjectDir(project.Dir), "Pulumi."+project.Stack+".yaml")
}

// ensureStack makes a project's stack where it is missing.
func (p *Platform) ensureStack(ctx context.Context, project Project, b backend) error {
	if err := p.needsStackFile(project); err != nil {
		return err
	}
	if project.Dir == bootstrapDir {
		return nil
	}
	if err := p.needsBucket(ctx); err != nil {
		return err
	}
	s, err := p.readState(ctx, project, b)
	switch {
	case err != nil:
		return err
	case len(s.pending) > 0:
		return fmt.Errorf("an earlier update of %s was killed in the middle (%s), and going on could create things twice: settle it first with: make refresh PROJECT=%s", project.Name, s.pending[0], project.Name)
	case s.exists:
		return nil
	}
	if err := p.dropDeadKey(project); err != nil {
		return err
	}
	init := p.initStack(project, b, p.SecretsProvider, "making the stack of "+project.Name)
	p.say("%s", init.what)
	return init.do(ctx)
}

// removeProject destroys a stack's resources, then the stack. It does nothing for a
// stack that does not exist.
func (p *Platform) removeProject(ctx context.Context, project Project, destroy []string) error {
	if err := p.needsBucket(ctx); err != nil {
		return err
	}
	b := p.remoteBackend(project)
	s, err := p.readState(ctx, project, b)
	if err != nil || !s.exists {
		return err
	}
	if s.isDeployed() {
		p.say("destroying the %d resources of %s", len(s.resources), project.Name)
		if err := p.cli(ctx, project, b, destroy...); err != nil {
			return err
		}
	}
	p.say("removing the empty stack of %s", project.Name)
	return p.cli(ctx, project, b, "stack", "rm", "--yes", "--preserve-config")
}
