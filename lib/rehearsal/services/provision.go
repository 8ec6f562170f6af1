package services

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"delivery.internal/lib/aws/arns"
	"delivery.internal/lib/aws/buildspec"
	"delivery.internal/lib/aws/ecrimage"
	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/rehearsal/cloud"
)

// credentialsID is the build's id without its project.
func (b *build) credentialsID() string { return b.ID[strings.LastIndex(b.ID, ":")+1:] }

func (b *build) projectARN() string { return cloud.ARN("codebuild", b.Account, "project/"+b.Project) }

// provision takes the role, opens the log and pulls the image.
func (b *build) provision() error {
	session, err := b.assume()
	if err != nil {
		return fail("ACCESS_DENIED", "CodeBuild is not authorized to perform: sts:AssumeRole on service role %s: %v", b.settings.Role, err)
	}
	if b.settings.Logs.CloudWatch.Status != "DISABLED" {
		if err := b.emulator.openLog(session, b.LogGroup, b.Stream); err != nil {
			return fail("ACCESS_DENIED", "Service role %s does not allow AWS CodeBuild to create Amazon CloudWatch Logs log streams for build %s: %v", b.settings.Role, b.ARN, err)
		}
	}
	b.session = session
	return b.pull()
}

func (b *build) assume() (*cloud.Session, error) {
	return b.emulator.cloud.AssumeFor(codebuildService, b.settings.Role, "AWSCodeBuild-"+b.credentialsID(), source(b.projectARN(), b.Account))
}

// pullActions are what pulling an image needs; see "Amazon ECR sample for
// CodeBuild".
var pullActions = []string{"ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage"}

// pull holds the image to what a pull needs: it exists, and its repository
// lets CodeBuild, or the role, read it.
func (b *build) pull() error {
	image := b.settings.Environment.Image
	if b.settings.Environment.Privileged && strings.HasPrefix(image, "aws/codebuild/") {
		return nil // AWS's own image, for builds that run docker
	}
	at, ok := ecrimage.Parse(image)
	if !ok || at.Region != cloud.Region {
		return fail("BUILD_CONTAINER_UNABLE_TO_PULL_IMAGE", "the image %s is not in a repository of the local cloud", image)
	}
	account, name, reference := at.Account, at.Repository, at.Reference()
	repository := b.emulator.cloud.First(account, typetoken.Repository, func(r *cloud.Resource) bool { return r.Name == name })
	if repository == nil {
		return fail("BUILD_CONTAINER_UNABLE_TO_PULL_IMAGE", "the repository %s of the account %s does not exist", name, account)
	}
	call := cloud.Call{Service: codebuildService, Resource: repository.ARN, Context: source(b.projectARN(), b.Account)}
	if b.settings.Environment.Credentials == "SERVICE_ROLE" {
		call = cloud.Call{Session: b.session, Resource: repository.ARN}
		if err := b.emulator.cloud.Authorize(cloud.Call{Session: b.session, Action: "ecr:GetAuthorizationToken", Resource: "*"}); err != nil {
			return fail("BUILD_CONTAINER_UNABLE_TO_PULL_IMAGE", "%v", err)
		}
	}
	for _, action := range pullActions {
		call.Action = action
		if err := b.emulator.cloud.Authorize(call); err != nil {
			return fail("BUILD_CONTAINER_UNABLE_TO_PULL_IMAGE", "Unable to pull customer's container image: %v", err)
		}
	}
	if b.emulator.cloud.FindImage(account, name, reference) == nil {
		return fail("BUILD_CONTAINER_UNABLE_TO_PULL_IMAGE", "manifest for %s not found: the repository does not hold this image", image)
	}
	return nil
}

// download unpacks the sources, with the build's role.
func (b *build) download() error {
	if err := os.MkdirAll(b.emulator.o.WorkDir, 0o755); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(b.emulator.o.WorkDir, "build-")
	if err != nil {
		return err
	}
	if b.dir, err = filepath.EvalSymlinks(dir); err != nil {
		return err
	}
	inputs := b.request.inputs
	if b.settings.Source.Type == "S3" {
		bucket, key, _ := strings.Cut(b.settings.Source.Location, "/")
		inputs, b.request.primary = []Artifact{{Name: "source", Bucket: bucket, Key: key}}, "source"
	}
	for i, in := range inputs {
		if err := b.identify(in.Bucket); err != nil {
			return fail("CLIENT_ERROR", "the source %s can't be downloaded: %v", in.Name, err)
		}
		data, err := b.emulator.getObject(b.session, in, "s3:GetObject", "s3:GetObjectVersion")
		if err != nil {
			return fail("CLIENT_ERROR", "the source %s can't be downloaded: %v", in.Name, err)
		}
		folder := filepath.Join(b.dir, "src"+strconv.Itoa(i), "src")
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
		if err := unzip(data, folder); err != nil {
			return fail("CLIENT_ERROR", "the source %s can't be unpacked: %v", in.Name, err)
		}
		b.sources[in.Name] = folder
	}
	if b.source() == "" {
		return fail("CLIENT_ERROR", "the build has no source of the type %s", b.settings.Source.Type)
	}
	return b.readSpec()
}

// identify looks whose bucket it is: S3BucketIdentity in the minimum that
// CodeBuild documents for its service role.
// https://docs.aws.amazon.com/codebuild/latest/userguide/setting-up-service-role.html
func (b *build) identify(bucket string) error {
	for _, action := range []string{"s3:GetBucketAcl", "s3:GetBucketLocation"} {
		if err := b.emulator.cloud.Authorize(cloud.Call{Session: b.session, Action: action, Resource: arns.Bucket(bucket)}); err != nil {
			return err
		}
	}
	return nil
}

func (b *build) readSpec() error {
	text := b.settings.Source.Buildspec
	if !buildspec.IsInline(text) {
		if text == "" {
			text = "buildspec.yml"
		}
		if !filepath.IsLocal(text) {
			return fail("YAML_FILE_ERROR", "the buildspec %s is outside of the source", text)
		}
		file, err := os.ReadFile(filepath.Join(b.source(), text))
		if err != nil {
			return fail("YAML_FILE_ERROR", "YAML file does not exist: %s is not in the source", text)
		}
		text = string(file)
	}
	var err error
	b.spec, err = parseBuildspec(text)
	return err
}

// prepare makes the environment of the commands: what CodeBuild gives, the
// variables of buildspec, project and action in the order of their rank, and
// what the rehearsal itself needs.
func (b *build) prepare() error {
	for _, name := range []string{"home", "state", "tmp"} {
		if err := os.MkdirAll(filepath.Join(b.dir, name), 0o755); err != nil {
			return err
		}
	}
	given, err := b.variables()
	if err != nil {
		return err
	}
	own := b.own()
	if b.settings.Environment.Privileged {
		folder, err := b.openDocker()
		if err != nil {
			return err
		}
		own["PATH"] = folder + string(os.PathListSeparator) + own["PATH"]
	}
	all := withAll(own, b.spec.Env.Variables, given)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		b.env = append(b.env, name+"="+all[name])
	}
	credentials, err := b.emulator.creds.add(b.credentialsID(), &buildCredentials{session: b.session, renew: b.assume})
	if err != nil {
		return err
	}
	b.env = append(b.env, credentials...)
	if open := b.emulator.o.Providers; open != nil {
		providers, stop, err := open(b.session)
		if err != nil {
			return err
		}
		b.stops = append(b.stops, stop)
		b.env = append(b.env, "PULUMI_DEBUG_PROVIDERS="+providers)
	}
	b.env = append(b.env, b.emulator.o.Env...)
	b.shell = &shell{
		dir: b.source(), state: filepath.Join(b.dir, "state"), env: b.env,
		out: newLines(b.log), grace: b.emulator.o.Grace,
	}
	return nil
}

// own is what CodeBuild sets itself. See "Environment variables in build
// environments". The endpoint, which AWS needs none of, leads to the local
// cloud.
func (b *build) own() map[string]string {
	out := map[string]string{
		"AWS_REGION": cloud.Region, "AWS_DEFAULT_REGION": cloud.Region, "AWS_ENDPOINT_URL": b.emulator.o.Endpoint,
		"CODEBUILD_CI": "true", "CODEBUILD_BUILD_ARN": b.ARN, "CODEBUILD_BUILD_ID": b.ID, "CODEBUILD_BUILD_NUMBER": strconv.Itoa(b.Number),
		"CODEBUILD_BUILD_IMAGE": b.settings.Environment.Image, "CODEBUILD_BUILD_SUCCEEDING": "1", "CODEBUILD_INITIATOR": b.Initiator,
		"CODEBUILD_KMS_KEY_ID": b.settings.Key, "CODEBUILD_LOG_PATH": b.Stream, "CODEBUILD_PROJECT_ARN": b.projectARN(),
		"CODEBUILD_START_TIME": strconv.FormatInt(b.Started.UnixMilli(), 10), "CODEBUILD_SRC_DIR": b.source(),
		"CODEBUILD_RESOLVED_SOURCE_VERSION": b.request.commit, "CODEBUILD_CONTAINER_NAME": "default",
		"HOME": filepath.Join(b.dir, "home"), "TMPDIR": b.tmp(),
		"PATH": strings.Join(append(slices.Clone(b.emulator.o.Path), "/usr/local/bin", "/usr/bin", "/bin"), string(os.PathListSeparator)),
	}
	for _, in := range b.request.inputs {
		if in.Name == b.request.primary {
			out["CODEBUILD_SOURCE_VERSION"] = in.arn()
			continue
		}
		out["CODEBUILD_SRC_DIR_"+in.Name] = b.sources[in.Name]
	}
	return out
}

// variables are those of the project, overridden by those of the action.
func (b *build) variables() (map[string]string, error) {
	out := map[string]string{}
	for _, v := range slices.Concat(b.settings.Environment.Variables, b.request.environment) {
		if v.Type != "" && v.Type != "PLAINTEXT" {
			return nil, fail("NotPlayed", "the environment variable %s has the type %s: the local cloud plays PLAINTEXT", v.Name, v.Type)
		}
		out[v.Name] = v.Value
	}
	return out, nil
}
