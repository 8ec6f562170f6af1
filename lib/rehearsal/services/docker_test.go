package services

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/rehearsal/cloud"
)

// imageSource is the source of the build image as make assembles it, with
// empty files for what make builds.
func imageSource(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{"deployer": "", "tools/go.mod": ""}
	root := filepath.Join("..", "..", "..", "image")
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		rel, _ := filepath.Rel(root, path)
		files[filepath.ToSlash(rel)] = string(text)
		return err
	}))
	return files
}

var imageActions = []string{"ecr:BatchCheckLayerAvailability", "ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload", "ecr:PutImage", "ecr:BatchGetImage", "ecr:DescribeImages"}

// imageProject deploys a project that builds the given source into the
// repository image, and may do the actions there.
func imageProject(t *testing.T, files map[string]string, actions []string) *platform {
	t.Helper()
	p := newPlatform(t)
	p.project("image", "", props{
		"source": props{"type": "S3", "location": "artifacts/context.zip", "buildspec": "buildspec.yml"}, "artifacts": props{"type": "NO_ARTIFACTS"},
		"environment": props{"image": "aws/codebuild/amazonlinux-x86_64-standard:5.0", "privilegedMode": true, "environmentVariables": []props{
			{"name": "REPOSITORY_URL", "value": account + ".dkr.ecr.us-east-1.amazonaws.com/image"},
			{"name": "REPOSITORY_NAME", "value": "image"}, {"name": "IMAGE_TAG", "value": "source-1"},
		}},
	})
	p.add(typetoken.RolePolicy, "image-role:ecr", "", props{"role": "image-role", "name": "ecr", "policy": policy(
		statement(nil, actions, repository, nil), statement(nil, "ecr:GetAuthorizationToken", "*", nil))})
	require.NoError(t, p.c.Objects.Put("artifacts", "context.zip", zippedFiles(files)))
	return p
}

// buildImage builds, and returns the build and what it wrote.
func (p *platform) buildImage() (Build, string) {
	p.t.Helper()
	started, err := p.StartBuild(p.t.Context(), account, "image")
	require.NoError(p.t, err)
	p.idle()
	b, ok := p.Build(started.ID)
	require.True(p.t, ok)
	return b, strings.Join(p.said("buildlog"), "\n")
}

var byDigest = regexp.MustCompile(`^public\.ecr\.aws/[a-z0-9/]+@sha256:[0-9a-f]{64}$`)

func TestTheBuildImageIsOneManifestOnBasesByDigest(t *testing.T) {
	t.Parallel()
	p := imageProject(t, imageSource(t), imageActions)
	b, log := p.buildImage()
	require.Equal(t, buildSucceeded, b.Status, log)
	pushed := p.c.FindImage(account, "image", "source-1")
	require.NotNil(t, pushed)
	require.Equal(t, cloud.ManifestType, pushed.Str("imageManifestMediaType"))
	require.Equal(t, map[string]string{"IMAGE_DIGEST": pushed.Str("imageDigest")}, b.Exported)

	made := p.c.Journal.Events("image")
	require.Len(t, made, 1)
	bases, labels := made[0].Fields["bases"].([]string), made[0].Fields["labels"].(map[string]string)
	require.Len(t, bases, 2)
	for _, base := range bases {
		require.Regexp(t, byDigest, base)
		require.Contains(t, log, base, "the log says what the image was built on")
	}
	name, baseDigest, _ := strings.Cut(bases[1], "@")
	require.Equal(t, "public.ecr.aws/amazonlinux/amazonlinux", name)
	require.Equal(t, "public.ecr.aws/amazonlinux/amazonlinux:2023-minimal", labels["org.opencontainers.image.base.name"])
	require.Equal(t, baseDigest, labels["org.opencontainers.image.base.digest"])

	again, log := p.buildImage()
	require.Equal(t, buildSucceeded, again.Status, log)
	require.Equal(t, b.Exported, again.Exported, "what was built before is said as well")
	require.Len(t, p.c.Journal.Events("image"), 1)
}

// Docker pushes an index where nobody switches its attestations off. What the
// local cloud can't show is what the docker of CodeBuild's image really does.
func TestAnIndexFailsTheImageBuild(t *testing.T) {
	t.Parallel()
	files := imageSource(t)
	spec := files["buildspec.yml"]
	files["buildspec.yml"] = strings.NewReplacer("--provenance=false", "", "--sbom=false", "").Replace(spec)
	require.NotEqual(t, spec, files["buildspec.yml"], "the flags are there")
	p := imageProject(t, files, imageActions)
	b, log := p.buildImage()
	pushed := p.c.FindImage(account, "image", "source-1")
	require.NotNil(t, pushed, log)
	require.Equal(t, cloud.IndexType, pushed.Str("imageManifestMediaType"))
	require.Equal(t, buildFailed, b.Status)
	require.Contains(t, log, "ECR can't scan")
}

func TestWhatStopsADockerBuild(t *testing.T) {
	t.Parallel()
	source := func(file, old, new string) map[string]string {
		files := imageSource(t)
		require.Contains(t, files[file], old)
		files[file] = strings.ReplaceAll(files[file], old, new)
		return files
	}
	without := func(name string) map[string]string {
		files := maps.Clone(imageSource(t))
		delete(files, name)
		return files
	}
	may := func(missing string) []string {
		return slices.DeleteFunc(slices.Clone(imageActions), func(a string) bool { return a == missing })
	}
	cases := map[string]struct {
		files   map[string]string
		actions []string
		want    string
	}{
		"a base of Docker Hub":         {source("buildspec.yml", "public.ecr.aws/docker/library/golang", "golang"), imageActions, "toomanyrequests"},
		"a base that is not given":     {source("buildspec.yml", "--build-arg BASE_IMAGE", "--build-arg OTHER_IMAGE"), imageActions, "should not be blank"},
		"a file that is not there":     {without("deployer"), imageActions, `"/deployer": not found`},
		"no Dockerfile":                {without("Dockerfile"), imageActions, "failed to read dockerfile"},
		"a role that may not push":     {imageSource(t), may("ecr:PutImage"), "ecr:PutImage"},
		"a role that may not look":     {imageSource(t), may("ecr:DescribeImages"), "ecr:DescribeImages"},
		"no login":                     {source("buildspec.yml", "docker login", "cat > /dev/null; true docker login"), imageActions, "no basic auth credentials"},
		"a command that is not played": {source("buildspec.yml", "docker push", "docker frobnicate"), imageActions, "does not play: docker frobnicate"},
		"an option that is not played": {source("buildspec.yml", "--sbom=false", "--squash=true"), imageActions, "does not play the option --squash"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := imageProject(t, c.files, c.actions)
			b, log := p.buildImage()
			require.Equal(t, buildFailed, b.Status, log)
			require.Contains(t, log, c.want)
			require.Nil(t, p.c.FindImage(account, "image", "source-1"))
		})
	}
}
