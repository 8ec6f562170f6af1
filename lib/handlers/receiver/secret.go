package receiver

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	smtypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

const (
	// secretAge is how long the secrets are kept in memory.
	secretAge = 5 * time.Minute
	// refreshAfter is the shortest time between two reads that a mismatch causes.
	refreshAfter = 10 * time.Second
	// overlap is how long the secret before the last rotation stays good: time
	// enough to run the rotation again where GitHub could not be told.
	overlap = time.Hour
)

// Staging labels of a secret's versions. Secrets Manager moves them by itself
// when a new version is put, see
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html
const (
	current  = "AWSCURRENT"
	previous = "AWSPREVIOUS"
)

// SecretsAPI is the part of Secrets Manager that SecretCache uses.
type SecretsAPI interface {
	GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error)
}

// SecretCache is Secrets over Secrets Manager. After a rotation, which is the
// creation of the current version, it gives the previous one as well for a time.
type SecretCache struct {
	API SecretsAPI
	ID  string
	Now func() time.Time

	mu      sync.Mutex
	kept    keptSecrets
	attempt time.Time // at the last read, successful or not
}

// keptSecrets are the versions as they were read.
type keptSecrets struct {
	current, previous []byte
	read, until       time.Time // until is the end of the previous one
}

// Current implements Secrets.
func (c *SecretCache) Current(ctx context.Context) ([][]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.Now().Sub(c.kept.read) >= secretAge {
		if err := c.read(ctx); err != nil {
			return nil, err
		}
	}
	return c.good(), nil
}

// Refresh implements Secrets.
func (c *SecretCache) Refresh(ctx context.Context) ([][]byte, bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.Now().Sub(c.attempt) < refreshAfter {
		return nil, false, nil
	}
	if err := c.read(ctx); err != nil {
		return nil, false, err
	}
	return c.good(), true, nil
}

// good are the secrets that a delivery may be signed with now.
func (c *SecretCache) good() [][]byte {
	if c.kept.previous != nil && c.Now().Before(c.kept.until) {
		return [][]byte{c.kept.current, c.kept.previous}
	}
	return [][]byte{c.kept.current}
}

func (c *SecretCache) read(ctx context.Context) error {
	c.attempt = c.Now()
	value, rotated, err := c.version(ctx, current)
	if err != nil {
		return err
	}
	kept := keptSecrets{current: value, read: c.attempt, until: rotated.Add(overlap)}
	if c.attempt.Before(kept.until) {
		kept.previous, _, err = c.version(ctx, previous)
		var none *smtypes.ResourceNotFoundException
		if err != nil && !errors.As(err, &none) { // the first version has none before it
			return err
		}
	}
	c.kept = kept
	return nil
}

// version reads the version with a staging label, and when it was made.
func (c *SecretCache) version(ctx context.Context, stage string) ([]byte, time.Time, error) {
	out, err := c.API.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String(c.ID), VersionStage: aws.String(stage)})
	if err != nil {
		return nil, time.Time{}, err
	}
	if aws.ToString(out.SecretString) == "" {
		return nil, time.Time{}, fmt.Errorf("the version %s of secret %s is empty: expected the webhook secret; deploy the shared project again", stage, c.ID)
	}
	return []byte(*out.SecretString), aws.ToTime(out.CreatedDate), nil
}
