package platform

import (
	"context"
	"fmt"
	"strconv"

	"delivery.internal/lib/contract"
)

// RotateWebhookSecret gives the webhook a new secret: it raises the version in
// the settings of shared and deploys shared, which makes the secret and tells
// GitHub. The receiver takes the secret of before for an hour more.
func (p *Platform) RotateWebhookSecret(ctx context.Context) error {
	projects, err := p.Select(sharedDir)
	if err != nil {
		return err
	}
	if err := p.needsToken(projects[0]); err != nil {
		return err
	}
	file, err := openStackFile(p.stackPath(projects[0]))
	if err != nil {
		return err
	}
	const key = sharedDir + ":" + contract.WebhookSecretVersion
	version := 0
	if text := file.textOf(key); text != "" {
		if version, err = strconv.Atoi(text); err != nil {
			return fmt.Errorf("%s: %s is %q: expected a whole number", file.path, key, text)
		}
	}
	if err := file.set(key, version+1); err != nil {
		return err
	}
	if err := saveAll(file); err != nil {
		return err
	}
	p.say("the webhook secret has version %d: commit %s", version+1, file.path)
	if err := p.Up(ctx, sharedDir); err != nil {
		return fmt.Errorf("the rotation did not end, and GitHub may sign with the secret of before, which is good for an hour: run make up PROJECT=shared, and no second rotation: %w", err)
	}
	return nil
}
