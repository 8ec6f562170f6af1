package platform_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codebuild"
	"github.com/aws/aws-sdk-go-v2/service/codebuild/types"
	"github.com/stretchr/testify/require"
)

// fakeBuilds answers with one status after the other.
type fakeBuilds struct {
	started  string
	statuses []types.StatusType
	exported []types.ExportedEnvironmentVariable
}

func (f *fakeBuilds) StartBuild(_ context.Context, in *codebuild.StartBuildInput, _ ...func(*codebuild.Options)) (*codebuild.StartBuildOutput, error) {
	f.started = aws.ToString(in.ProjectName)
	if len(f.statuses) == 0 {
		return nil, &types.ResourceNotFoundException{Message: aws.String("Project cannot be found")}
	}
	return &codebuild.StartBuildOutput{Build: &types.Build{Id: aws.String("project:1")}}, nil
}

func (f *fakeBuilds) BatchGetBuilds(context.Context, *codebuild.BatchGetBuildsInput, ...func(*codebuild.Options)) (*codebuild.BatchGetBuildsOutput, error) {
	status := f.statuses[0]
	f.statuses = f.statuses[1:]
	return &codebuild.BatchGetBuildsOutput{Builds: []types.Build{{
		Id: aws.String("project:1"), BuildStatus: status, CurrentPhase: aws.String("BUILD"),
		Logs:                         &types.LogsLocation{GroupName: aws.String("group"), StreamName: aws.String("stream")},
		ExportedEnvironmentVariables: f.exported,
	}}}, nil
}

func TestImageBuildIsWatchedToItsEnd(t *testing.T) {
	t.Parallel()
	i := newInstallation(t)
	var out strings.Builder
	i.config.Out = &out
	builds := &fakeBuilds{
		statuses: []types.StatusType{types.StatusTypeInProgress, types.StatusTypeInProgress, types.StatusTypeSucceeded},
		exported: []types.ExportedEnvironmentVariable{{Name: aws.String("IMAGE_DIGEST"), Value: aws.String(image)}},
	}
	digest, err := i.open(t).BuildImage(t.Context(), builds, time.Millisecond)
	require.NoError(t, err)
	require.Equal(t, image, digest)
	require.Equal(t, "image-build-project-shared-a1b2", builds.started)
	require.Equal(t, 1, strings.Count(out.String(), "==> BUILD\n"))
}

func TestImageBuildSaysWhyItFailed(t *testing.T) {
	t.Parallel()
	i := newInstallation(t)
	_, err := i.open(t).BuildImage(t.Context(), &fakeBuilds{statuses: []types.StatusType{types.StatusTypeFailed}}, time.Millisecond)
	require.ErrorContains(t, err, "ended with FAILED: read why in group stream")
	_, err = i.open(t).BuildImage(t.Context(), &fakeBuilds{}, time.Millisecond)
	require.ErrorContains(t, err, "make up PROJECT=shared")
	_, err = i.open(t).BuildImage(t.Context(), &fakeBuilds{statuses: []types.StatusType{types.StatusTypeSucceeded}}, time.Millisecond)
	require.ErrorContains(t, err, "does not say what it pushed")
}
