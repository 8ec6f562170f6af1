package platform

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codebuild"
	"github.com/aws/aws-sdk-go-v2/service/codebuild/types"

	"delivery/lib/naming"
)

// Builds is the part of CodeBuild that starts and watches a build.
type Builds interface {
	StartBuild(context.Context, *codebuild.StartBuildInput, ...func(*codebuild.Options)) (*codebuild.StartBuildOutput, error)
	BatchGetBuilds(context.Context, *codebuild.BatchGetBuildsInput, ...func(*codebuild.Options)) (*codebuild.BatchGetBuildsOutput, error)
}

// CodeBuild returns the Builds of the delivery account.
func (p *Platform) CodeBuild(ctx context.Context) (Builds, error) { return p.clients.CodeBuild(ctx) }

// BuildImage starts the project that builds the build image and waits for its
// end, looking every so often. The scan gate decides later whether the image
// may be used.
func (p *Platform) BuildImage(ctx context.Context, builds Builds, every time.Duration) error {
	project := p.names.Of(naming.ImageProject)
	started, err := builds.StartBuild(ctx, &codebuild.StartBuildInput{ProjectName: aws.String(project)})
	var missing *types.ResourceNotFoundException
	switch {
	case errors.As(err, &missing):
		return fmt.Errorf("the build of the image can't be started, because the project %s does not exist: deploy it first with: make up PROJECT=shared", project)
	case err != nil:
		return fmt.Errorf("the build of the image can't be started: %w", err)
	}
	id := aws.ToString(started.Build.Id)
	p.say("build %s is running; this takes some minutes", id)
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	phase := ""
	for {
		build, err := findBuild(ctx, builds, id)
		if err != nil {
			return err
		}
		if now := aws.ToString(build.CurrentPhase); now != phase {
			phase = now
			p.say("%s", phase)
		}
		if build.BuildStatus != types.StatusTypeInProgress {
			return p.judge(build)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("build %s goes on, but is no longer watched: %w", id, ctx.Err())
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

func (p *Platform) judge(build types.Build) error {
	if build.BuildStatus == types.StatusTypeSucceeded {
		p.say("the image is pushed; once the scan gate has approved it, its digest is in the parameter %s, and 'make up PROJECT=environments/dev' takes it", p.names.Of(naming.ApprovedImage))
		return nil
	}
	logs := "its log group"
	if build.Logs != nil {
		logs = aws.ToString(build.Logs.GroupName) + " " + aws.ToString(build.Logs.StreamName)
	}
	return fmt.Errorf("build %s ended with %s: read why in %s", aws.ToString(build.Id), build.BuildStatus, logs)
}
