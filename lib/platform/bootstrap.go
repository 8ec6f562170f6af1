package platform

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// step is one thing to do, after which everything is looked at again.
type step struct {
	what string
	do   func(context.Context) error
}

// maxSteps is more than any sequence of steps needs: it turns a step without
// effect into an error.
const maxSteps = 12

// takeSteps takes steps until there is none.
func (p *Platform) takeSteps(ctx context.Context, next func(evidence) (*step, error)) error {
	for range maxSteps {
		e, err := p.gatherEvidence(ctx)
		if err != nil {
			return err
		}
		if err := e.refusal(p); err != nil {
			return err
		}
		s, err := next(e)
		if s == nil || err != nil {
			return err
		}
		p.say("%s", s.what)
		if err := s.do(ctx); err != nil {
			return err
		}
	}
	return errors.New("bootstrap does not settle: the last step had no effect; run it again, and report it if that does not help")
}

// Bootstrap brings the bootstrap project up and its state into the bucket that
// it makes: on a folder first, because a state can't be in a bucket that does
// not exist. It may be interrupted anywhere and run again at any time.
func (p *Platform) Bootstrap(ctx context.Context) error {
	if err := p.needsStackFile(p.bootstrapProject()); err != nil {
		return err
	}
	if err := RefuseTakenNames(ctx, p.Storage, p.Suffix, p.Environments, p.Environment.rehearsal); err != nil {
		return err
	}
	up := map[string]bool{} // by backend, in this run only: never skip an update for what an earlier run did
	err := p.takeSteps(ctx, func(e evidence) (*step, error) { return p.nextOfBootstrap(e, up) })
	if err != nil {
		return err
	}
	p.say("bootstrap is up; its state is in %s", p.StateBucket())
	return nil
}

func (p *Platform) nextOfBootstrap(e evidence, up map[string]bool) (*step, error) {
	project := p.bootstrapProject()
	local, remote := p.localBackend(), p.remoteBackend(project)
	update := func(b backend, what string) *step {
		return &step{what, func(ctx context.Context) error {
			if err := p.cli(ctx, project, b, "up", "--yes", "--skip-preview"); err != nil {
				return err
			}
			up[b.url] = true
			return nil
		}}
	}
	switch {
	case e.remote.isDeployed() && e.remote.secrets != p.secretsKind():
		return p.changeSecrets(remote, p.SecretsProvider, "encrypting the secrets in the bucket with the platform key"), nil
	case e.remote.isDeployed() && e.folder: // the copy was compared in trouble
		return p.discardLocal("the state in the bucket is complete; removing the local copy"), nil
	case e.remote.isDeployed() && !up[remote.url] && !up[local.url]:
		return update(remote, "updating bootstrap, whose state is in "+p.StateBucket()), nil
	case e.remote.isDeployed():
		return nil, nil
	case e.bucket && !e.local.isDeployed():
		return nil, fmt.Errorf("bucket %s exists, but neither it nor %s holds a state of bootstrap: it was made by something else, or the state is lost; restore an older version of the object .pulumi/stacks/bootstrap/%s.json in the bucket, or remove the bucket, or choose another suffix",
			p.StateBucket(), p.LocalDir, p.Suffix)
	case !e.local.exists:
		return p.initLocal(), nil
	case !up[local.url]:
		return update(local, "making the keys and the state buckets, with the state in a local folder for now"), nil
	case !e.bucket:
		return nil, fmt.Errorf("bootstrap is up, but its bucket %s does not exist: the credentials of pulumi and of this program are of different accounts, or the suffix in bootstrap's configuration is not %q", p.StateBucket(), p.Suffix)
	case !e.remote.exists:
		return p.initStack(project, remote, p.SecretsProvider, "making bootstrap's stack in the bucket"), nil
	}
	return p.copyState(local, remote, "copying bootstrap's state into the bucket"), nil
}

// secretsKind is how a state names the kind of the platform's secrets provider.
func (p *Platform) secretsKind() string {
	if strings.Contains(p.SecretsProvider, "://") {
		return "cloud"
	}
	return p.SecretsProvider
}

func (p *Platform) initLocal() *step {
	s := p.initStack(p.bootstrapProject(), p.localBackend(), "passphrase", "making a local folder for bootstrap's state")
	inner := s.do
	s.do = func(ctx context.Context) error {
		if err := os.MkdirAll(p.LocalDir, 0o700); err != nil {
			return err
		}
		return inner(ctx)
	}
	return s
}

func (p *Platform) initStack(project Project, b backend, provider, what string) *step {
	return &step{what, func(ctx context.Context) error {
		return p.cli(ctx, project, b, "stack", "init", "--no-select", "--secrets-provider", provider)
	}}
}

func (p *Platform) changeSecrets(b backend, provider, what string) *step {
	return &step{what, func(ctx context.Context) error {
		return p.cli(ctx, p.bootstrapProject(), b, "stack", "change-secrets-provider", provider)
	}}
}

// copyState goes through a file with the secrets still encrypted.
func (p *Platform) copyState(from, to backend, what string) *step {
	return &step{what, func(ctx context.Context) error {
		text, err := p.callOutput(ctx, p.bootstrapProject(), from, "stack", "export")
		if err != nil {
			return err
		}
		dir, err := os.MkdirTemp("", "bootstrap-state-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		file := filepath.Join(dir, "state.json")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			return err
		}
		return p.cli(ctx, p.bootstrapProject(), to, "stack", "import", "--file", file)
	}}
}

func (p *Platform) discardLocal(what string) *step {
	return &step{what, func(context.Context) error { return os.RemoveAll(p.LocalDir) }}
}
