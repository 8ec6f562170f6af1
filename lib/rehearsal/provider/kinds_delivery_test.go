package provider

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/iam/reference"
	"delivery.internal/lib/rehearsal/cloud"
)

func TestEveryActionOfEveryKindIsOneThatAWSHas(t *testing.T) {
	t.Parallel()
	for token, k := range registry() {
		for _, a := range slices.Concat(k.Actions.Create, k.Actions.Read, k.Actions.Update, k.Actions.Delete) {
			require.True(t, reference.Known(a), "%s: %s", token, a)
		}
	}
}

func TestRulesAreRefusedAsEventBridgeRefusesThem(t *testing.T) {
	t.Parallel()
	refuses(t, typetoken.EventRule, map[string]any{"name": "r", "eventPattern": `{"source":["a"]}`}, []refusal{
		{"name", map[string]any{"name": string(make([]byte, 65))}, "characters"},
		{"nothing", map[string]any{"eventPattern": nil}, "is required"},
		{"pattern", map[string]any{"eventPattern": `{"source":"a"}`}, "InvalidEventPatternException"},
		{"schedule", map[string]any{"scheduleExpression": "every day"}, "rate(5 minutes)"},
		{"plural", map[string]any{"scheduleExpression": "rate(1 minutes)"}, "singular"},
		{"schedule on a bus", map[string]any{"scheduleExpression": "rate(5 minutes)", "eventBusName": "b"}, "default event bus"},
		{"state", map[string]any{"state": "ON"}, "expected one of"},
	})
}

func TestTransformersAreRefusedAsEventBridgeRefusesThem(t *testing.T) {
	t.Parallel()
	transformer := func(template string, paths map[string]any) map[string]any {
		return map[string]any{"inputTransformer": map[string]any{"inputPaths": paths, "inputTemplate": template}}
	}
	commit := map[string]any{"commit": "$.detail.commit"}
	good := map[string]any{"rule": "r", "arn": "arn:aws:sqs:us-east-1:111122223333:q", "targetId": "t"}
	for _, template := range []string{`{"a":"<commit>","b":<commit>}`, `"commit <commit> said \"hi\""`, "\"one <commit>\"\n\"two\"", `{"t":<aws.events.event.ingestion-time>}`} {
		require.Empty(t, newLab(t).plan(typetoken.EventTarget, changed(good, transformer(template, commit))), template)
	}
	refuses(t, typetoken.EventTarget, good, []refusal{
		{"placeholder", transformer(`{"a":"<other>"}`, commit), "which inputPaths does not define"},
		{"not JSON", transformer(`{"a":`, commit), "neither JSON"},
		{"bare text", transformer(`commit <commit>`, commit), "neither JSON"},
		{"reserved", transformer(`"x"`, map[string]any{"awsX": "$.a"}), "reserved"},
		{"path", transformer(`"x"`, map[string]any{"x": "detail"}), "is not a JSON path of EventBridge"},
		{"both", changed(transformer(`"x"`, commit), map[string]any{"input": "{}"}), "exclude each other"},
		{"age", map[string]any{"retryPolicy": map[string]any{"maximumEventAgeInSeconds": 10.0}}, "expected 60"},
		{"input", map[string]any{"input": "x"}, "not JSON"},
	})
}

func TestBusesRulesAndTargetsHoldEachOther(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	pattern := `{"source":["a"]}`
	_, err := l.try(typetoken.EventRule, map[string]any{"name": "r", "eventBusName": "bus", "eventPattern": pattern})
	require.ErrorContains(t, err, "Event bus bus does not exist")
	bus := l.make(typetoken.EventBus, map[string]any{"name": "bus"})
	rule := l.make(typetoken.EventRule, map[string]any{"name": "r", "eventBusName": "bus", "eventPattern": pattern})
	require.Equal(t, "arn:aws:events:us-east-1:111122223333:rule/bus/r", rule.ARN)
	require.Equal(t, "r", rule.Name)
	l.make(typetoken.EventRule, map[string]any{"name": "r", "eventPattern": pattern}) // the same name on another bus
	_, err = l.try(typetoken.EventRule, map[string]any{"name": "r", "eventPattern": pattern})
	require.ErrorContains(t, err, "already exists")
	q := l.queue("q")
	in := map[string]any{"rule": "r", "eventBusName": "bus", "targetId": "t", "arn": q.ARN, "deadLetterConfig": map[string]any{"arn": q.ARN}}
	for change, want := range map[string]string{"rule": "does not exist on EventBus", "arn": "does not exist"} {
		value := map[string]string{"rule": "none", "arn": q.ARN + "x"}[change]
		_, err = l.try(typetoken.EventTarget, changed(in, map[string]any{change: value}))
		require.ErrorContains(t, err, want)
	}
	_, err = l.try(typetoken.EventTarget, changed(in, map[string]any{"arn": "arn:aws:codepipeline:us-east-1:111122223333:p"}))
	require.ErrorContains(t, err, "RoleArn is required")
	target := l.make(typetoken.EventTarget, in)
	require.ErrorContains(t, l.remove(rule), "since it has targets")
	require.ErrorContains(t, l.remove(bus), "has rules")
	require.NoError(t, l.remove(target))
	require.NoError(t, l.remove(rule))
	require.NoError(t, l.remove(bus))
}

func TestATargetsRoleMustTrustEventBridge(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.make(typetoken.EventRule, map[string]any{"name": "r", "eventPattern": `{"source":["a"]}`})
	in := map[string]any{"rule": "r", "targetId": "t", "arn": l.queue("q").ARN, "roleArn": l.role("wrong", "lambda.amazonaws.com").ARN}
	_, err := l.try(typetoken.EventTarget, in)
	require.ErrorContains(t, err, "events.amazonaws.com cannot assume")
	l.make(typetoken.EventTarget, changed(in, map[string]any{"roleArn": l.role("right", "events.amazonaws.com").ARN}))
}

// labFunction are the inputs of a function, and its role.
func labFunction(l *lab) map[string]any {
	return map[string]any{
		"name": "f", "role": l.role("f", "lambda.amazonaws.com").ARN, "runtime": "provided.al2023", "handler": "bootstrap",
		"code": labZip("bootstrap", "#!/bin/sh\n"), "architectures": []any{"arm64"},
	}
}

func TestFunctionsAreRefusedAsLambdaRefusesThem(t *testing.T) {
	t.Parallel()
	env := func(name string) map[string]any {
		return map[string]any{"environment": map[string]any{"variables": map[string]any{name: "x"}}}
	}
	refuses(t, typetoken.Function, labFunction(newLab(t)), []refusal{
		{"runtime", map[string]any{"runtime": "go1.x"}, "expected one of"},
		{"no handler", map[string]any{"handler": nil}, "handler is required"},
		{"no code", map[string]any{"code": nil}, "is required"},
		{"two codes", map[string]any{"s3Bucket": "b", "s3Key": "k"}, "exclude each other"},
		{"memory", map[string]any{"memorySize": 64.0}, "expected 128"},
		{"timeout", map[string]any{"timeout": 901.0}, "expected 1 to 900"},
		{"concurrency", map[string]any{"reservedConcurrentExecutions": 901.0}, "below its minimum value of [100]"},
		{"reserved", env("AWS_REGION"), "reserved"},
		{"variable", env("1A"), "expected a letter"},
		{"long", map[string]any{"environment": map[string]any{"variables": map[string]any{"AB": string(make([]byte, 5000))}}}, "at most 4096"},
		{"architecture", map[string]any{"architectures": []any{"sparc"}}, "expected one of"},
	})
}

func TestAFunctionsCodeIsCheckedAndKept(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	in := labFunction(l)
	for want, code := range map[string]any{
		"no file bootstrap": labZip("main", "#!/bin/sh\n"),
		"neither":           labZip("bootstrap", "text"),
		"absolute paths":    map[string]any{"asset": "x"},
	} {
		_, err := l.try(typetoken.Function, changed(in, map[string]any{"code": code}))
		require.ErrorContains(t, err, want)
	}
	_, err := l.try(typetoken.Function, changed(in, map[string]any{"role": l.role("other", "codebuild.amazonaws.com").ARN}))
	require.ErrorContains(t, err, "lambda.amazonaws.com cannot assume")
	q := l.queue("dead")
	_, err = l.try(typetoken.Function, changed(in, map[string]any{"deadLetterConfig": map[string]any{"targetArn": q.ARN}}))
	require.ErrorContains(t, err, "does not have permissions to call sqs:SendMessage")
	f := l.make(typetoken.Function, in)
	require.NotEmpty(t, l.c.Blob(f.ARN))
	require.Equal(t, "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/"+f.ARN+"/invocations", f.Str("invokeArn"))
	permission := l.make(typetoken.Permission, map[string]any{"function": "f", "action": "lambda:InvokeFunction", "principal": "events.amazonaws.com", "statementId": "s"})
	require.NoError(t, l.c.Authorize(cloud.Call{Service: "events.amazonaws.com", Action: "lambda:InvokeFunction", Resource: f.ARN}))
	require.NoError(t, l.remove(f))
	require.Empty(t, l.c.Blob(f.ARN))
	require.Nil(t, l.c.Get(labAccount, permission.Type, permission.ID))
}

func TestAnHTTPAPIIsWiredToAFunction(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	f := l.make(typetoken.Function, labFunction(l))
	api := l.make(typetoken.API, map[string]any{"name": "hook", "protocolType": "HTTP"})
	require.Equal(t, "https://"+api.ID+".execute-api.us-east-1.amazonaws.com", api.Str("apiEndpoint"))
	proxy := map[string]any{"apiId": api.ID, "integrationType": "AWS_PROXY", "integrationUri": f.Str("invokeArn"), "payloadFormatVersion": "2.0"}
	_, err := l.try(typetoken.APIIntegration, changed(proxy, map[string]any{"integrationUri": f.ARN + "x"}))
	require.ErrorContains(t, err, "function that exists")
	_, err = l.try(typetoken.APIIntegration, changed(proxy, map[string]any{"integrationType": "MOCK"}))
	require.ErrorContains(t, err, "not supported by HTTP APIs")
	integration := l.make(typetoken.APIIntegration, proxy)
	route := map[string]any{"apiId": api.ID, "routeKey": "POST /webhook", "target": "integrations/" + integration.ID}
	_, err = l.try(typetoken.APIRoute, changed(route, map[string]any{"routeKey": "POST webhook"}))
	require.ErrorContains(t, err, "such as POST /webhook")
	_, err = l.try(typetoken.APIRoute, changed(route, map[string]any{"target": "integrations/none"}))
	require.ErrorContains(t, err, "Unable to find Integration")
	l.make(typetoken.APIRoute, route)
	_, err = l.try(typetoken.APIRoute, route)
	require.Error(t, err)
	require.ErrorContains(t, l.remove(integration), "is attached to it")
	stage := map[string]any{"apiId": api.ID, "name": "$default", "accessLogSettings": map[string]any{"destinationArn": "arn:aws:logs:us-east-1:111122223333:log-group:l", "format": "$context.requestId"}}
	_, err = l.try(typetoken.APIStage, stage)
	require.ErrorContains(t, err, "no log group")
	l.make(typetoken.LogGroup, map[string]any{"name": "l"})
	require.Equal(t, api.Str("apiEndpoint")+"/", l.make(typetoken.APIStage, stage).Str("invokeUrl"))
	require.NoError(t, l.remove(api))
	require.Empty(t, l.c.Find(labAccount, typetoken.APIRoute, nil))
}

func TestARepositoryWithImagesGoesByForceOnly(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	in := map[string]any{"name": "image"}
	r := l.make(typetoken.Repository, in)
	require.Equal(t, "111122223333.dkr.ecr.us-east-1.amazonaws.com/image", r.Str("repositoryUrl"))
	l.c.AddImage(labAccount, "image", "sha256:1", "v1")
	require.ErrorContains(t, l.remove(r), "RepositoryNotEmptyException")
	r, err := l.update(r, changed(in, map[string]any{"forceDelete": true}))
	require.NoError(t, err)
	require.NoError(t, l.remove(r))
	require.Empty(t, l.c.Images(labAccount, "image"))
	lifecycle := func(status, unit string) map[string]any {
		return map[string]any{"repository": "image", "policy": `{"rules":[{"rulePriority":1,"description":"keep the newest ones of all images","selection":{"tagStatus":"` + status + `","countType":"imageCountMoreThan"` + unit + `,"countNumber":3},"action":{"type":"expire"}}]}`}
	}
	refuses(t, typetoken.RepositoryLifecycle, lifecycle("any", ""), []refusal{
		{"tagged", lifecycle("tagged", ""), "tagPrefixList"}, {"unit", lifecycle("any", `,"countUnit":"days"`), "countUnit"},
	})
}

func TestTablesAreRefusedAsDynamoDBRefusesThem(t *testing.T) {
	t.Parallel()
	good := map[string]any{"name": "deliveries", "billingMode": "PAY_PER_REQUEST", "hashKey": "id", "attributes": []any{map[string]any{"name": "id", "type": "S"}},
		"ttl": map[string]any{"attributeName": "expires", "enabled": true}}
	refuses(t, typetoken.Table, good, []refusal{
		{"unused", map[string]any{"attributes": []any{map[string]any{"name": "id", "type": "S"}, map[string]any{"name": "x", "type": "S"}}}, "all attributes must be indexed"},
		{"no key", map[string]any{"hashKey": nil}, "hashKey is required"},
		{"provisioned", map[string]any{"billingMode": nil}, "readCapacity and writeCapacity"},
		{"capacity", map[string]any{"readCapacity": 1.0}, "PAY_PER_REQUEST"},
		{"ttl", map[string]any{"ttl": map[string]any{"enabled": true}}, "without attributeName"},
		{"stream", map[string]any{"streamEnabled": true}, "streamViewType"},
	})
	l := newLab(t)
	require.ErrorContains(t, l.remove(l.make(typetoken.Table, changed(good, map[string]any{"deletionProtectionEnabled": true}))), "protected against deletion")
}

func TestATrailMustBeLetIntoItsBucket(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	trail := service("cloudtrail.amazonaws.com")
	l.bucket("closed")
	l.bucket("audit", labAllow(trail, "arn:aws:s3:::audit", "s3:GetBucketAcl"), labAllow(trail, "arn:aws:s3:::audit/AWSLogs/111122223333/*", "s3:PutObject"))
	in := map[string]any{"name": "audit-trail", "s3BucketName": "closed"}
	_, err := l.try(typetoken.Trail, in)
	require.ErrorContains(t, err, "InsufficientS3BucketPolicyException")
	in["s3BucketName"] = "audit"
	_, err = l.try(typetoken.Trail, changed(in, map[string]any{"kmsKeyId": l.key().ARN}))
	require.ErrorContains(t, err, "InsufficientEncryptionPolicyException")
	l.make(typetoken.Trail, in)
	selector := func(value string) map[string]any {
		return map[string]any{"eventSelectors": []any{map[string]any{"dataResources": []any{map[string]any{"type": "AWS::S3::Object", "values": []any{value}}}}}}
	}
	refuses(t, typetoken.Trail, changed(in, selector("arn:aws:s3:::state/")), []refusal{
		{"no slash", selector("arn:aws:s3:::state"), "followed by /"},
		{"both", map[string]any{"advancedEventSelectors": []any{}}, "exclude each other"},
		{"global", map[string]any{"isMultiRegionTrail": true, "includeGlobalServiceEvents": false}, "global service events"},
		{"organization", map[string]any{"isOrganizationTrail": true}, "no organization"},
		{"name", map[string]any{"name": "a..b"}, "expected text that matches"},
	})
}
