package provider

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"delivery.internal/lib/aws/apierr"
	"delivery.internal/lib/aws/awsname"
	"delivery.internal/lib/aws/buildspec"
	"delivery.internal/lib/aws/ecrimage"
	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/rehearsal/cloud"
)

// maxBuildEnv is the total size of environment variables, in characters; see
// "Quotas for AWS CodeBuild".
const maxBuildEnv = 5500

// codebuildCompute are the compute types by environment type. See "Build
// environment compute modes and types".
var codebuildCompute = map[string][]string{
	"LINUX_CONTAINER":               {"BUILD_GENERAL1_SMALL", "BUILD_GENERAL1_MEDIUM", "BUILD_GENERAL1_LARGE", "BUILD_GENERAL1_XLARGE", "BUILD_GENERAL1_2XLARGE"},
	"ARM_CONTAINER":                 {"BUILD_GENERAL1_SMALL", "BUILD_GENERAL1_MEDIUM", "BUILD_GENERAL1_LARGE", "BUILD_GENERAL1_XLARGE", "BUILD_GENERAL1_2XLARGE"},
	"LINUX_GPU_CONTAINER":           {"BUILD_GENERAL1_SMALL", "BUILD_GENERAL1_LARGE"},
	"WINDOWS_CONTAINER":             {"BUILD_GENERAL1_MEDIUM", "BUILD_GENERAL1_LARGE"},
	"WINDOWS_SERVER_2019_CONTAINER": {"BUILD_GENERAL1_MEDIUM", "BUILD_GENERAL1_LARGE"},
	"WINDOWS_SERVER_2022_CONTAINER": {"BUILD_GENERAL1_MEDIUM", "BUILD_GENERAL1_LARGE"},
	"LINUX_LAMBDA_CONTAINER":        {"BUILD_LAMBDA_1GB", "BUILD_LAMBDA_2GB", "BUILD_LAMBDA_4GB", "BUILD_LAMBDA_8GB", "BUILD_LAMBDA_10GB"},
	"ARM_LAMBDA_CONTAINER":          {"BUILD_LAMBDA_1GB", "BUILD_LAMBDA_2GB", "BUILD_LAMBDA_4GB", "BUILD_LAMBDA_8GB", "BUILD_LAMBDA_10GB"},
}

// codebuildKinds: constraints from the API model of CodeBuild (CreateProject).
func codebuildKinds() []Kind {
	return []Kind{{
		Token: typetoken.Project, Name: "name", ARN: arnOf("codebuild", "project/"),
		ID:       func(c *Call) string { return c.ARN },
		Inputs:   codebuildInputs(),
		Plan:     planProject,
		Computed: []string{"badgeUrl", "publicProjectAlias"},
		Outputs: func(c *Call) (map[string]any, error) {
			out := map[string]any{"badgeUrl": "", "publicProjectAlias": ""}
			if c.Inputs["encryptionKey"] == nil {
				out["encryptionKey"] = cloud.ARN("kms", c.Account, "alias/aws/s3")
			}
			_, err := c.key("encryptionKey", c.Str("encryptionKey"))
			return out, errors.Join(err, imageExists(c, "environment.image", c.Str("environment.image")), projectBuckets(c),
				c.handOver(c.Str("serviceRole"), "codebuild.amazonaws.com", c.ARN))
		},
		Actions: Actions{
			Create: []string{"codebuild:CreateProject", "codebuild:BatchGetProjects"}, Read: []string{"codebuild:BatchGetProjects"},
			Update: []string{"codebuild:UpdateProject", "codebuild:BatchGetProjects"}, Delete: []string{"codebuild:DeleteProject"},
		},
	}}
}

func codebuildInputs() map[string]Input {
	toggle := text.enum("ENABLED", "DISABLED")
	access := text.enum("NONE", "READ_ONLY", "FULL")

	source := codebuildSource()
	second := map[string]Input{"sourceIdentifier": text.required().between(1, 128)}
	for k, v := range source {
		second[k] = v
	}
	return map[string]Input{
		"name":                    named(awsname.Project).replaces(),
		"description":             text.between(0, 255),
		"serviceRole":             roleARN.required(),
		"encryptionKey":           text.between(1, 0).computed(),
		"artifacts":               object(codebuildArtifact(text)).required(),
		"secondaryArtifacts":      list(object(codebuildArtifact(text.required()))).between(0, 12),
		"source":                  object(source).required(),
		"sourceVersion":           text,
		"secondarySources":        list(object(second)).between(0, 12),
		"secondarySourceVersions": list(object(map[string]Input{"sourceIdentifier": text.required(), "sourceVersion": text.required()})).between(0, 12),
		"environment":             codebuildEnvironment(),
		"buildTimeout":            number.between(5, 2160).def(60.0),
		"queuedTimeout":           number.between(5, 480).def(480.0),
		"concurrentBuildLimit":    number.between(1, 0),
		"badgeEnabled":            flag.def(false),
		"cache": object(map[string]Input{
			"type":     text.enum("NO_CACHE", "S3", "LOCAL"),
			"location": text,
			"modes":    list(text.enum("LOCAL_DOCKER_LAYER_CACHE", "LOCAL_SOURCE_CACHE", "LOCAL_CUSTOM_CACHE")),
		}),
		"logsConfig": object(map[string]Input{
			"cloudwatchLogs": object(map[string]Input{"status": toggle, "groupName": text.refers("name", typetoken.LogGroup), "streamName": text}),
			"s3Logs":         object(map[string]Input{"status": toggle, "location": text, "encryptionDisabled": flag, "bucketOwnerAccess": access}),
		}),
		"buildBatchConfig": object(map[string]Input{
			"serviceRole":      roleARN.required(),
			"combineArtifacts": flag,
			"timeoutInMins":    number.between(5, 2160),
			"restrictions":     object(map[string]Input{"computeTypesAlloweds": list(text), "maximumBuildsAllowed": number.between(1, 100)}),
		}),
		"fileSystemLocations": list(object(map[string]Input{"type": text.enum("EFS"), "location": text, "mountPoint": text, "identifier": text, "mountOptions": text})),
		"projectVisibility":   text.enum("PUBLIC_READ", "PRIVATE").def("PRIVATE"),
		"resourceAccessRole":  roleARN,
		"vpcConfig":           object(map[string]Input{"vpcId": text.required(), "subnets": list(text).required().between(1, 16), "securityGroupIds": list(text).required().between(1, 5)}),
		"tags":                tags,
	}
}

func codebuildArtifact(identifier Input) map[string]Input {
	return map[string]Input{
		"type":                 text.required().enum("CODEPIPELINE", "NO_ARTIFACTS", "S3"),
		"artifactIdentifier":   identifier,
		"bucketOwnerAccess":    text.enum("NONE", "READ_ONLY", "FULL"),
		"encryptionDisabled":   flag,
		"location":             text,
		"name":                 text,
		"namespaceType":        text.enum("NONE", "BUILD_ID"),
		"overrideArtifactName": flag,
		"packaging":            text.enum("NONE", "ZIP"),
		"path":                 text,
	}
}

func codebuildSource() map[string]Input {
	return map[string]Input{
		"type":                text.required().enum("BITBUCKET", "CODECOMMIT", "CODEPIPELINE", "GITHUB", "GITHUB_ENTERPRISE", "GITLAB", "GITLAB_SELF_MANAGED", "NO_SOURCE", "S3"),
		"buildspec":           text,
		"location":            text,
		"gitCloneDepth":       number,
		"insecureSsl":         flag,
		"reportBuildStatus":   flag,
		"auth":                object(map[string]Input{"type": text.required().enum("OAUTH", "CODECONNECTIONS", "SECRETS_MANAGER"), "resource": text.required()}),
		"buildStatusConfig":   object(map[string]Input{"context": text, "targetUrl": text}),
		"gitSubmodulesConfig": object(map[string]Input{"fetchSubmodules": flag.required()}),
	}
}

func codebuildEnvironment() Input {
	return object(map[string]Input{
		"type": text.required().enum("ARM_CONTAINER", "ARM_LAMBDA_CONTAINER", "LINUX_CONTAINER", "LINUX_GPU_CONTAINER", "LINUX_LAMBDA_CONTAINER", "WINDOWS_CONTAINER", "WINDOWS_SERVER_2019_CONTAINER", "WINDOWS_SERVER_2022_CONTAINER"),
		"computeType": text.required().enum("BUILD_GENERAL1_SMALL", "BUILD_GENERAL1_MEDIUM", "BUILD_GENERAL1_LARGE", "BUILD_GENERAL1_XLARGE", "BUILD_GENERAL1_2XLARGE",
			"BUILD_LAMBDA_1GB", "BUILD_LAMBDA_2GB", "BUILD_LAMBDA_4GB", "BUILD_LAMBDA_8GB", "BUILD_LAMBDA_10GB"),
		"image":                    text.required().between(1, 0),
		"imagePullCredentialsType": text.enum("CODEBUILD", "SERVICE_ROLE"),
		"privilegedMode":           flag,
		"certificate":              text,
		"environmentVariables": list(object(map[string]Input{
			"name":  text.match(`[A-Za-z_][A-Za-z0-9_]*`).required().between(1, 0),
			"value": text.required(),
			"type":  text.enum("PLAINTEXT", "PARAMETER_STORE", "SECRETS_MANAGER"),
		})),
		"fleet": object(map[string]Input{"fleetArn": text}),
		"registryCredential": object(map[string]Input{
			"credential":         text.required().between(1, 0),
			"credentialProvider": text.required().enum("SECRETS_MANAGER"),
		}),
	}).required()
}

func planProject(c *Call) error {
	f := &failed{}
	planProjectSource(f, c)
	planProjectEnvironment(f, c)
	f.when(c.Str("projectVisibility") == "PUBLIC_READ" && !c.isGiven("resourceAccessRole"), "projectVisibility PUBLIC_READ needs resourceAccessRole")
	f.when(c.Str("cache.type") == "S3" && c.Str("cache.location") == "", "cache.location is required for cache type S3")
	modes, _ := cloud.Lookup(c.Inputs, "cache.modes").([]any)
	f.when((c.Str("cache.type") == "LOCAL") != (len(modes) > 0), "cache.modes belongs to cache type LOCAL, and must be given with it")
	return f.err()
}

// planProjectSource: see "source" and "artifacts" of CreateProject.
func planProjectSource(f *failed, c *Call) {
	source, artifacts := c.Str("source.type"), c.Str("artifacts.type")
	known := !c.Unknown["source"] && !c.Unknown["artifacts"]
	f.when(known && (source == "CODEPIPELINE") != (artifacts == "CODEPIPELINE"), "source.type is %s and artifacts.type %s: with CodePipeline both are CODEPIPELINE", source, artifacts)
	if !c.Unknown["source"] {
		own := source == "CODEPIPELINE" || source == "NO_SOURCE"
		f.when(own && c.Str("source.location") != "", "source.location does not go with source type %s", source)
		f.when(!own && c.Str("source.location") == "", "source.location is required for source type %s", source)
		f.when(source == "NO_SOURCE" && c.Str("source.buildspec") == "", "source.buildspec is required for source type NO_SOURCE")
		f.when(source == "S3" && !strings.Contains(c.Str("source.location"), "/"), "source.location is %q: expected bucket/key", c.Str("source.location"))
		f.when(c.isSet("badgeEnabled") && (own || source == "S3"), "badgeEnabled is not supported by source type %s", source)
		if spec := c.Str("source.buildspec"); buildspec.IsInline(spec) {
			// CodeBuild says so at the start of a build; nobody wants to wait for that.
			if _, err := buildspec.Parse(spec); err != nil {
				f.errs = append(f.errs, fmt.Errorf("source.buildspec: YAML_FILE_ERROR: %w", err))
			}
		}
	}
	if !c.Unknown["artifacts"] {
		f.when(artifacts == "S3" && c.Str("artifacts.location") == "", "artifacts.location is required for artifacts type S3")
		f.when(artifacts != "S3" && c.Str("artifacts.location") != "", "artifacts.location belongs to artifacts type S3")
	}
}

func planProjectEnvironment(f *failed, c *Call) {
	if c.Unknown["environment"] {
		return
	}
	kind, image, credentials := c.Str("environment.type"), c.Str("environment.image"), c.Str("environment.imagePullCredentialsType")
	f.when(!slices.Contains(codebuildCompute[kind], c.Str("environment.computeType")), "environment.computeType %s is not available for %s: expected one of %s", c.Str("environment.computeType"), kind, strings.Join(codebuildCompute[kind], ", "))
	curated := strings.HasPrefix(image, "aws/codebuild/")
	f.when(curated && credentials == "SERVICE_ROLE", "environment.imagePullCredentialsType is SERVICE_ROLE: images of CodeBuild are pulled with CODEBUILD")
	f.when(c.Str("environment.registryCredential.credential") != "" && credentials != "SERVICE_ROLE", "environment.registryCredential needs imagePullCredentialsType SERVICE_ROLE")
	if strings.Contains(kind, "LAMBDA") {
		f.when(c.isSet("environment.privilegedMode"), "environment.privilegedMode is not available for %s", kind)
		f.when(c.Inputs["buildTimeout"] != nil || c.Inputs["queuedTimeout"] != nil, "buildTimeout and queuedTimeout are not available for %s", kind)
	}
	seen, size := map[string]bool{}, 0
	for _, v := range objects(c.Inputs, "environment.environmentVariables") {
		name := str(v, "name")
		f.when(seen[name], "environment.environmentVariables holds %s twice", name)
		f.when(strings.HasPrefix(name, "CODEBUILD_"), "environment.environmentVariables holds %s: names that begin with CODEBUILD_ are reserved", name)
		seen[name] = true
		size += length(name) + length(str(v, "value"))
	}
	f.when(size > maxBuildEnv, "environment.environmentVariables has %d characters in all: at most %d are allowed", size, maxBuildEnv)
}

// imageExists is stricter than AWS, which looks for an image at its first use:
// an image of our registry must be there. Others are taken as they are.
func imageExists(c *Call, input, image string) error {
	if !strings.Contains(image, ".dkr.ecr.") {
		return nil
	}
	at, ok := ecrimage.Parse(image)
	if !ok {
		return fmt.Errorf("%s is %q: expected ACCOUNT.dkr.ecr.REGION.amazonaws.com/REPOSITORY with a tag or a digest", input, image)
	}
	if c.Cloud.Get(at.Account, typetoken.Role, "Operator") == nil {
		return nil // not an account of this cloud
	}
	if at.Region != cloud.Region || c.Cloud.Get(at.Account, typetoken.Repository, at.Repository) == nil {
		return apierr.BadRequest("RepositoryNotFoundException", "%s is %q, but the registry of %s has no repository %s in %s", input, image, at.Account, at.Repository, at.Region)
	}
	for _, i := range c.Cloud.Images(at.Account, at.Repository) {
		if i.Str("imageDigest") == at.Reference() || at.Digest == "" && i.Str("imageTag") == at.Reference() {
			return nil
		}
	}
	return apierr.BadRequest("ImageNotFoundException", "%s is %q, but the repository has no such image", input, image)
}

// projectBuckets: buckets that a project reads from or writes to must exist.
func projectBuckets(c *Call) error {
	f := &failed{}
	check := func(input, location string) {
		bucket, _, _ := strings.Cut(strings.TrimPrefix(location, "arn:aws:s3:::"), "/")
		f.when(findReferred(c, Reference{Types: []string{typetoken.Bucket}, By: "name", AnyAccount: true}, bucket) == nil, "InvalidInputException: %s is %q, but no bucket %s exists", input, location, bucket)
	}
	if c.Str("source.type") == "S3" {
		check("source.location", c.Str("source.location"))
	}
	if c.Str("artifacts.type") == "S3" {
		check("artifacts.location", c.Str("artifacts.location"))
	}
	if c.Str("cache.type") == "S3" {
		check("cache.location", c.Str("cache.location"))
	}
	if c.Str("logsConfig.s3Logs.status") == "ENABLED" {
		check("logsConfig.s3Logs.location", c.Str("logsConfig.s3Logs.location"))
	}
	return f.err()
}
