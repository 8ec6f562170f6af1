package platform

import (
	"context"
	"errors"
)

const tokenVariable = "GITHUB_TOKEN"

// needsToken refuses to begin what GitHub would refuse in the middle: shared
// manages the webhook and the settings of the repository.
func (p *Platform) needsToken(project Project) error {
	if project.Dir != sharedDir || p.Environment.getenv(tokenVariable) != "" {
		return nil
	}
	return errors.New("shared: GITHUB_TOKEN is not set, and GitHub lets nobody change the webhook and the settings of the repository without a token that may administer it: create one in GitHub's settings and run: export GITHUB_TOKEN=…")
}

// needsTokenToDestroy asks for the token while something of shared is there.
func (p *Platform) needsTokenToDestroy(ctx context.Context) error {
	projects, err := p.Select(sharedDir)
	if err != nil {
		return err
	}
	s, err := p.readState(ctx, projects[0], p.remoteBackend(projects[0]))
	if err != nil || !s.isDeployed() {
		return err
	}
	return p.needsToken(projects[0])
}
