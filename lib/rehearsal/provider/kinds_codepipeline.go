package provider

import (
	"errors"
	"slices"

	"delivery.internal/lib/aws/apierr"
	"delivery.internal/lib/aws/awsname"
	"delivery.internal/lib/aws/buildspec"
	"delivery.internal/lib/aws/pipelinevar"
	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/rehearsal/cloud"
)

const (
	pipelineService = "codepipeline.amazonaws.com"
)

// codepipelineKinds: constraints from the API model of CodePipeline
// (CreatePipeline), "CodePipeline pipeline structure reference" and "Quotas in
// AWS CodePipeline".
func codepipelineKinds() []Kind {
	return []Kind{{
		Token: typetoken.Pipeline, Name: "name", ARN: arnOf("codepipeline", ""),
		Inputs:   pipelineInputs(),
		Plan:     planPipeline,
		Computed: []string{"triggerAlls"},
		Outputs: func(c *Call) (map[string]any, error) {
			triggers, _ := c.Inputs["triggers"].([]any)
			if triggers == nil {
				triggers = []any{}
			}
			return map[string]any{"triggerAlls": triggers}, errors.Join(
				c.handOver(c.Str("roleArn"), pipelineService, c.ARN), pipelineStore(c), pipelineTargets(c),
				c.authorizeTags("codepipeline:TagResource", "codepipeline:UntagResource"))
		},
		Actions: Actions{
			Create: []string{"codepipeline:CreatePipeline", "codepipeline:GetPipeline", "codepipeline:ListTagsForResource"},
			Read:   []string{"codepipeline:GetPipeline", "codepipeline:ListTagsForResource"},
			Update: []string{"codepipeline:UpdatePipeline", "codepipeline:GetPipeline"}, Delete: []string{"codepipeline:DeletePipeline"},
		},
	}}
}

func pipelineInputs() map[string]Input {
	name := named(awsname.Pipeline).required()
	return map[string]Input{
		"name":          named(awsname.Pipeline).replaces(),
		"roleArn":       roleARN.required(),
		"pipelineType":  text.enum("V1", "V2").def("V1"),
		"executionMode": text.enum("QUEUED", "SUPERSEDED", "PARALLEL").def("SUPERSEDED"),
		"artifactStores": list(object(map[string]Input{
			"type":          text.required().enum("S3"),
			"location":      named(awsname.Bucket).required().refers("name", typetoken.Bucket),
			"region":        text,
			"encryptionKey": object(map[string]Input{"id": text.required().between(1, 400), "type": text.required().enum("KMS")}),
		})).required().between(1, 0),
		"stages": list(object(map[string]Input{
			"name":        name,
			"actions":     list(pipelineAction(name)).required().between(1, 50),
			"beforeEntry": object(map[string]Input{"condition": pipelineCondition(name).required()}),
			"onSuccess":   object(map[string]Input{"condition": pipelineCondition(name).required()}),
			"onFailure": object(map[string]Input{
				"condition":          pipelineCondition(name),
				"result":             text.enum("ROLLBACK", "FAIL", "RETRY", "SKIP"),
				"retryConfiguration": object(map[string]Input{"retryMode": text.enum("FAILED_ACTIONS", "ALL_ACTIONS")}),
			}),
		})).required().between(2, 50),
		"triggers": list(object(map[string]Input{
			"providerType":     text.required().enum("CodeStarSourceConnection"),
			"gitConfiguration": pipelineTrigger(name),
		})).between(0, 50),
		"variables": list(object(map[string]Input{
			"name":         named(awsname.Variable).required(),
			"defaultValue": text.between(1, pipelinevar.MaxValue),
			"description":  text.between(0, 200),
		})).between(0, 50),
		"tags": tags,
	}
}

func pipelineAction(name Input) Input {
	artifacts := list(named(awsname.Artifact))
	return object(map[string]Input{
		"name":             name,
		"category":         text.required().enum("Approval", "Build", "Deploy", "Invoke", "Source", "Test", "Compute"),
		"owner":            text.required().enum("AWS", "ThirdParty", "Custom"),
		"provider":         text.match(`[0-9A-Za-z_-]+`).required().between(1, 35),
		"version":          text.match(`[0-9A-Za-z_-]+`).required().between(1, 9),
		"configuration":    mapOf(text.between(1, pipelinevar.MaxValue)),
		"inputArtifacts":   artifacts,
		"outputArtifacts":  artifacts,
		"namespace":        named(awsname.Namespace),
		"region":           text.between(4, 30),
		"roleArn":          text.refers("arn", typetoken.Role),
		"runOrder":         number.between(1, 999),
		"timeoutInMinutes": number.between(5, 86400),
	})
}

func pipelineCondition(name Input) Input {
	return object(map[string]Input{
		"result": text.enum("ROLLBACK", "FAIL", "RETRY", "SKIP"),
		"rules": list(object(map[string]Input{
			"name":             name,
			"commands":         list(text.between(1, 1000)).between(1, 50),
			"configuration":    mapOf(text.between(1, 10000)),
			"inputArtifacts":   list(text),
			"region":           text.between(4, 30),
			"roleArn":          roleARN,
			"timeoutInMinutes": number.between(5, 86400),
			"ruleTypeId": object(map[string]Input{
				"category": text.required().enum("Rule"),
				"owner":    text.enum("AWS"),
				"version":  text,
				"provider": text.required().enum("CloudWatchAlarm", "CodeBuild", "Commands", "DeploymentWindow", "LambdaInvoke", "VariableCheck"),
			}).required(),
		})).required().between(1, 5),
	})
}

func pipelineTrigger(name Input) Input {
	glob := list(text.between(1, 255)).between(1, 8)
	filter := object(map[string]Input{"includes": glob, "excludes": glob})
	return object(map[string]Input{
		"sourceActionName": name,
		"pushes":           list(object(map[string]Input{"branches": filter, "filePaths": filter, "tags": filter})).between(1, 3),
		"pullRequests":     list(object(map[string]Input{"branches": filter, "filePaths": filter, "events": list(text.enum("OPEN", "UPDATED", "CLOSED")).between(1, 3)})).between(1, 3),
	}).required()
}

// pipelineStore: one store without a region, or one in each region.
func pipelineStore(c *Call) error {
	f, stores := &failed{}, objects(c.Inputs, "artifactStores")
	for _, s := range stores {
		f.when((len(stores) > 1) != (str(s, "region") != ""), "artifactStores: a region belongs to pipelines with several stores, and to each of them")
		_, err := c.key("artifactStores.encryptionKey.id", str(s, "encryptionKey.id"))
		f.errs = append(f.errs, err)
	}
	return f.err()
}

// pipelineTargets: what the actions name must exist, and the caller may pass
// the connection on (codeconnections:PassConnection).
func pipelineTargets(c *Call) error {
	f := &failed{}
	for _, stage := range objects(c.Inputs, "stages") {
		for _, a := range objects(stage, "actions") {
			pipelineTarget(f, c, str(stage, "name")+"/"+str(a, "name"), a)
		}
	}
	return f.err()
}

func pipelineTarget(f *failed, c *Call, at string, action map[string]any) {
	config := func(key string) string { return str(action, "configuration."+key) }
	exists := func(key, by string, types ...string) *cloud.Resource {
		r := findReferred(c, Reference{Types: types, By: by}, config(key))
		f.when(r == nil, "InvalidActionDeclarationException: action %s has %s %q, which does not exist", at, key, config(key))
		return r
	}
	switch str(action, "provider") {
	case "CodeStarSourceConnection":
		if exists("ConnectionArn", "arn", typetoken.Connection) != nil {
			f.errs = append(f.errs, c.authorizeAlso(config("ConnectionArn"), map[string][]string{"codeconnections:PassedToService": {pipelineService}}, "codeconnections:PassConnection"))
		}
	case "CodeBuild":
		if p := exists("ProjectName", "name", typetoken.Project); p != nil {
			f.when(p.Str("source.type") != "CODEPIPELINE", "InvalidActionDeclarationException: action %s runs project %s, whose source is %s: expected CODEPIPELINE", at, p.Name, p.Str("source.type"))
			pipelineExports(f, c, at, action, p)
		}
	case "Manual":
		if config("NotificationArn") != "" {
			exists("NotificationArn", "arn", typetoken.Topic)
		}
	case "Lambda":
		exists("FunctionName", "name", typetoken.Function)
	case "S3":
		if config("S3Bucket") != "" {
			exists("S3Bucket", "name", typetoken.Bucket)
		} else {
			exists("BucketName", "name", typetoken.Bucket)
		}
	case "ECR":
		exists("RepositoryName", "name", typetoken.Repository)
	}
}

// pipelineExports: variables of a build that later actions use must be exported
// by its build specification. CodePipeline finds that out in the middle of a run.
func pipelineExports(f *failed, c *Call, at string, action map[string]any, project *cloud.Resource) {
	namespace, spec := str(action, "namespace"), project.Str("source.buildspec")
	if namespace == "" || spec == "" {
		return
	}
	parsed, err := buildspec.Parse(spec)
	if err != nil {
		return // the project was refused for it, or its buildspec is a file
	}
	for _, stage := range objects(c.Inputs, "stages") {
		for _, other := range objects(stage, "actions") {
			for _, v := range variablesOf(other) {
				f.when(v.Namespace == namespace && !slices.Contains(parsed.Env.Exported, v.Name), "action %s uses %s, but the build of %s exports only %v", str(other, "name"), v.Text, at, parsed.Env.Exported)
			}
		}
	}
}

// errAction is how CodePipeline refuses a declaration.
func errAction(at, format string, args ...any) error {
	return apierr.BadRequest("InvalidActionDeclarationException", "action "+at+" "+format, args...)
}
