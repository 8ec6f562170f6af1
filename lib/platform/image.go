package platform

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codebuild"
	"github.com/aws/aws-sdk-go-v2/service/codebuild/types"

	"delivery.internal/lib/contract"
	"delivery.internal/lib/naming"
)

// Builds is the part of CodeBuild that starts and watches a build.
type Builds interface {
	StartBuild(context.Context, *codebuild.StartBuildInput, ...func(*codebuild.Options)) (*codebuild.StartBuildOutput, error)
	BatchGetBuilds(context.Context, *codebuild.BatchGetBuildsInput, ...func(*codebuild.Options)) (*codebuild.BatchGetBuildsOutput, error)
}

// CodeBuild returns the Builds of the delivery account.
func (p *Platform) CodeBuild(ctx context.Context) (Builds, error) { return p.clients.CodeBuild(ctx) }

// BuildImage starts the project that builds the build image and waits for its
// end, looking every so often. It returns the digest of the image, about which
// the scan gate decides; see WaitForVerdict.
func (p *Platform) BuildImage(ctx context.Context, builds Builds, every time.Duration) (digest string, err error) {
	project := p.names.Of(naming.ImageProject)
	started, err := builds.StartBuild(ctx, &codebuild.StartBuildInput{ProjectName: aws.String(project)})
	var missing *types.ResourceNotFoundException
	switch {
	case errors.As(err, &missing):
		return "", fmt.Errorf("the build of the image can't be started, because the project %s does not exist: deploy it first with: make up PROJECT=shared", project)
	case err != nil:
		return "", fmt.Errorf("the build of the image can't be started: %w", err)
	}
	id := aws.ToString(started.Build.Id)
	p.say("build %s is running; this takes some minutes", id)
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	phase := ""
	for {
		build, err := findBuild(ctx, builds, id)
		if err != nil {
			return "", err
		}
		if now := aws.ToString(build.CurrentPhase); now != phase {
			phase = now
			p.say("%s", phase)
		}
		if build.BuildStatus != types.StatusTypeInProgress {
			return p.exportedDigest(build)
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("build %s goes on, but is no longer watched: %w", id, ctx.Err())
		case <-ticker.C:
		}
	}
}

func findBuild(ctx context.Context, builds Builds, id string) (types.Build, error) {
	out, err := builds.BatchGetBuilds(ctx, &codebuild.BatchGetBuildsInput{Ids: []string{id}})
	if err != nil {
		return types.Build{}, fmt.Errorf("build %s can't be watched: %w", id, err)
	}
	if len(out.Builds) == 0 {
		return types.Build{}, fmt.Errorf("build %s is not known to CodeBuild any more", id)
	}
	return out.Builds[0], nil
}

// imageDigest is a digest that ECR gives.
var imageDigest = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

// exportedDigest returns the digest that a successful build exported.
func (p *Platform) exportedDigest(build types.Build) (string, error) {
	if build.BuildStatus != types.StatusTypeSucceeded {
		logs := "its log group"
		if build.Logs != nil {
			logs = aws.ToString(build.Logs.GroupName) + " " + aws.ToString(build.Logs.StreamName)
		}
		return "", fmt.Errorf("build %s ended with %s: read why in %s", aws.ToString(build.Id), build.BuildStatus, logs)
	}
	for _, v := range build.ExportedEnvironmentVariables {
		if digest := aws.ToString(v.Value); aws.ToString(v.Name) == contract.ExportImageDigest && imageDigest.MatchString(digest) {
			p.say("the image is %s", digest)
			return digest, nil
		}
	}
	return "", fmt.Errorf("build %s does not say what it pushed: expected %s among its exported variables, as image/buildspec.yml sets it; bring the project up to date with: make up PROJECT=shared", aws.ToString(build.Id), contract.ExportImageDigest)
}
