package provider

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/structpb"

	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/rehearsal/cloud"
)

const (
	roleType   = typetoken.Role
	bucketType = typetoken.Bucket
)

var roleInputs = map[string]any{"name": "reader-role-dev-a1b2", "assumeRolePolicy": trustLambda}

func TestUnknownTypesAndFunctionsAreRefused(t *testing.T) {
	t.Parallel()
	p := newRig(t).aws()
	_, err := p.Check(t.Context(), &pulumirpc.CheckRequest{Urn: urnOf("aws:ec2/instance:Instance", "x"), News: wire(t, nil)})
	require.ErrorContains(t, err, "does not know the resource type aws:ec2/instance:Instance: add it to lib/rehearsal/provider")
	_, err = p.Check(t.Context(), &pulumirpc.CheckRequest{Urn: urnOf(typetoken.GitHubWebhook, "x"), News: wire(t, nil)})
	require.ErrorContains(t, err, "does not know the resource type", "a type of another plugin")
	_, err = p.Invoke(t.Context(), &pulumirpc.InvokeRequest{Tok: "aws:ec2/getAmi:getAmi", Args: wire(t, nil)})
	require.ErrorContains(t, err, "does not know the function aws:ec2/getAmi:getAmi")
}

func TestConfigurationBelongsToTheConnection(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	here, there := r.aws(), r.configured("aws", map[string]any{"region": cloud.Region, "profile": "dev", "defaultTags": `{"tags":{"team":"payments"}}`})
	_, inDelivery := here.create(roleType, "a", roleInputs)
	_, inDev := there.create(roleType, "a", roleInputs)
	require.Equal(t, "arn:aws:iam::111122223333:role/reader-role-dev-a1b2", inDelivery["arn"].StringValue())
	require.Equal(t, "arn:aws:iam::123456789012:role/reader-role-dev-a1b2", inDev["arn"].StringValue())
	require.Equal(t, resource.NewObjectProperty(resource.PropertyMap{"team": resource.NewStringProperty("payments")}), inDev["tagsAll"])
	require.Empty(t, inDelivery["tagsAll"].ObjectValue())
}

func TestConnectionsThatWereNotConfiguredCanDoNothing(t *testing.T) {
	t.Parallel()
	p := newRig(t).connect("aws")
	_, _, err := p.try(roleType, "a", roleInputs)
	require.ErrorContains(t, err, "the provider was not configured")
	require.ErrorContains(t, p.remove(roleType, "Operator"), "the provider was not configured")
}

func TestConfigureRefusesWhatAWSRefuses(t *testing.T) {
	t.Parallel()
	admin := "arn:aws:iam::123456789012:role/PlatformAdministrator"
	for _, tt := range []struct {
		name   string
		config map[string]any
		want   string
	}{
		{"another region", map[string]any{"region": "eu-west-1"}, `invalid AWS Region: "eu-west-1"`},
		{"no region", nil, "set aws:region"},
		{"an unknown profile", map[string]any{"region": cloud.Region, "profile": "prod"}, "failed to get shared config profile, prod"},
		{"a wrong account", map[string]any{"region": cloud.Region, "allowedAccountIds": `["123456789012"]`}, "AWS account ID not allowed: 111122223333"},
		{"a forbidden account", map[string]any{"region": cloud.Region, "forbiddenAccountIds": `["111122223333"]`}, "AWS account ID not allowed: 111122223333"},
		{"a role that does not exist", map[string]any{"region": cloud.Region, "assumeRole": `{"roleArn":"arn:aws:iam::123456789012:role/nobody"}`}, "cannot assume IAM Role"},
		{"a role that trusts another account", map[string]any{"region": cloud.Region, "assumeRole": `{"roleArn":"arn:aws:iam::123456789012:role/Operator"}`}, "is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::123456789012:role/Operator"},
		{"no role", map[string]any{"region": cloud.Region, "assumeRole": `{"sessionName":"x"}`}, "assumeRole has no roleArn"},
		{"a session policy", map[string]any{"region": cloud.Region, "assumeRole": `{"roleArn":"` + admin + `","policy":"{}"}`}, "assumeRole.policy is not played"},
		{"a session longer than an hour", map[string]any{"region": cloud.Region, "assumeRole": `{"roleArn":"` + admin + `","duration":"2h"}`}, "exceeds the MaxSessionDuration"},
		{"the wrong account after assuming", map[string]any{"region": cloud.Region, "assumeRole": `{"roleArn":"` + admin + `"}`, "allowedAccountIds": `["234567890123"]`}, "AWS account ID not allowed: 123456789012: expected one of 234567890123"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Contains(t, newRig(t).refused("aws", tt.config), tt.want)
		})
	}
}

func TestConfigureAssumesRoles(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	role := map[string]any{"roleArn": "arn:aws:iam::123456789012:role/PlatformAdministrator", "sessionName": "pipeline-7"}
	for name, config := range map[string]map[string]any{
		"object": {"assumeRole": role},
		"JSON":   {"assumeRole": `{"roleArn":"arn:aws:iam::123456789012:role/PlatformAdministrator","sessionName":"pipeline-7"}`},
		"list":   {"assumeRoles": []any{role}},
		"number": {"assumeRole": role, "allowedAccountIds": `[123456789012]`},
	} {
		p := r.configured("aws", with(config, "region", cloud.Region))
		out, err := p.Invoke(t.Context(), &pulumirpc.InvokeRequest{Tok: "aws:index/getCallerIdentity:getCallerIdentity", Args: wire(t, nil)})
		require.NoError(t, err, name)
		require.Equal(t, "arn:aws:sts::123456789012:assumed-role/PlatformAdministrator/pipeline-7", unwire(t, out.GetReturn())["arn"].StringValue(), name)
	}
}

func TestConfigureHonoursTheExternalID(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"sts:ExternalId":"delivery-dev"}}}]}`
	r.configured("aws", map[string]any{"region": cloud.Region, "profile": "dev"}).create(roleType, "deploy", map[string]any{"name": "deploy-role", "assumeRolePolicy": trust})
	role := map[string]any{"roleArn": "arn:aws:iam::123456789012:role/deploy-role"}
	require.Contains(t, r.refused("aws", map[string]any{"region": cloud.Region, "assumeRole": role}), "cannot assume IAM Role")
	r.configured("aws", map[string]any{"region": cloud.Region, "assumeRole": with(role, "externalId", "delivery-dev")})
}

func TestConfigureToleratesWhatAPreviewDoesNotKnow(t *testing.T) {
	t.Parallel()
	_, err := newRig(t).connect("aws").Configure(t.Context(), &pulumirpc.ConfigureRequest{Args: wire(t, map[string]any{"region": cloud.Region, "assumeRole": open})})
	require.NoError(t, err)
}

func TestConfigurationThatIsNotPlayedIsRefused(t *testing.T) {
	t.Parallel()
	p := newRig(t).connect("aws")
	out, err := p.CheckConfig(t.Context(), &pulumirpc.CheckRequest{News: wire(t, map[string]any{"region": cloud.Region, "endpoints": "[]", "version": "6.83.4"})})
	require.NoError(t, err)
	require.Len(t, out.GetFailures(), 1)
	require.Equal(t, "endpoints", out.GetFailures()[0].GetProperty())
	require.Contains(t, newRig(t).refused("github", map[string]any{"token": hidden("x")}), "set github:owner")
}

func TestNoCredentialsIsSaid(t *testing.T) {
	t.Parallel()
	require.Contains(t, serve(t, cloud.New(), nil).refused("aws", map[string]any{"region": cloud.Region}), "no valid credential sources found")
}

func TestExpiredCredentialsAreRefused(t *testing.T) {
	t.Parallel()
	c := cloud.New()
	session, err := c.Issue("arn:aws:iam::111122223333:role/Operator", "x", -time.Minute)
	require.NoError(t, err)
	require.Contains(t, serve(t, c, session).refused("aws", map[string]any{"region": cloud.Region}), "ExpiredToken")
}

func TestEveryOperationIsAuthorised(t *testing.T) {
	t.Parallel()
	c := cloud.New()
	require.NoError(t, c.Add(&cloud.Resource{Type: roleType, ID: "little", Name: "little", Account: cloud.DeliveryAccount, ARN: "arn:aws:iam::111122223333:role/little", Seed: true, Inputs: map[string]any{"assumeRolePolicy": trustLambda}}))
	require.NoError(t, c.Add(&cloud.Resource{Type: typetoken.RolePolicy, ID: "little:x", Account: cloud.DeliveryAccount, Seed: true,
		Inputs: map[string]any{"role": "little", "policy": allowJSON("iam:CreateRole", "arn:aws:iam::111122223333:role/reader-role-dev-a1b2")}}))
	session, err := c.Issue("arn:aws:iam::111122223333:role/little", "x", time.Hour)
	require.NoError(t, err)
	p := serve(t, c, session).aws()
	_, _, err = p.try(roleType, "a", with(roleInputs, "name", "other"))
	require.ErrorContains(t, err, "is not authorized to perform: iam:CreateRole on resource: arn:aws:iam::111122223333:role/other")
	id, _ := p.create(roleType, "a", roleInputs)
	require.ErrorContains(t, p.change(roleType, id, roleInputs, with(roleInputs, "description", "x")), "iam:UpdateRole")
	require.ErrorContains(t, p.change(roleType, id, roleInputs, with(roleInputs, "tags", map[string]any{"a": "b"})), "iam:TagRole")
	require.NoError(t, p.change(roleType, id, roleInputs, with(roleInputs, "forceDetachPolicies", true)), "changes nothing at AWS")
	require.ErrorContains(t, p.remove(roleType, id), "iam:DeleteRole")
	_, err = p.Read(t.Context(), &pulumirpc.ReadRequest{Id: id, Urn: urnOf(roleType, "a")})
	require.ErrorContains(t, err, "iam:GetRole")
	_, denied := c.Counts()
	require.Len(t, denied, 5)
}

func TestPreviewsHoldWhatIsKnown(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	p := r.aws()
	inputs := with(roleInputs, "permissionsBoundary", open, "tags", map[string]any{"owner": "ada"})
	require.Empty(t, p.failures(roleType, inputs))
	out, err := p.Create(t.Context(), &pulumirpc.CreateRequest{Urn: urnOf(roleType, "a"), Properties: wire(t, inputs), Preview: true})
	require.NoError(t, err)
	props := unwire(t, out.GetProperties())
	require.Equal(t, "reader-role-dev-a1b2", props["name"].StringValue())
	require.InDelta(t, 3600.0, props["maxSessionDuration"].NumberValue(), 0)
	require.Equal(t, "ada", props["tagsAll"].ObjectValue()["owner"].StringValue())
	for _, unknown := range []resource.PropertyKey{"arn", "uniqueId", "permissionsBoundary"} {
		require.True(t, props[unknown].IsComputed(), unknown)
	}
	require.Empty(t, out.GetId())
	require.Empty(t, r.cloud.Deployed())
	_, _, err = p.try(roleType, "a", inputs)
	require.ErrorContains(t, err, "inputs are not known: [permissionsBoundary]")
}

func TestPartlyKnownInputsAreCheckedAsFarAsTheyAreKnown(t *testing.T) {
	t.Parallel()
	p := newRig(t).aws()
	rule := func(algorithm string) map[string]any {
		return map[string]any{"bucket": open, "rules": []any{map[string]any{"applyServerSideEncryptionByDefault": resource.NewObjectProperty(resource.PropertyMap{
			"sseAlgorithm": resource.NewStringProperty(algorithm), "kmsMasterKeyId": open,
		})}}}
	}
	require.Empty(t, p.failures(typetoken.BucketEncryption, wrap(rule("aws:kms"))))
	require.Contains(t, p.failures(typetoken.BucketEncryption, wrap(rule("rot13"))), `rules[0].applyServerSideEncryptionByDefault.sseAlgorithm is "rot13": expected one of AES256`)
}

// wrap turns nested property values, which NewPropertyValue does not take, into one.
func wrap(inputs map[string]any) map[string]any {
	inner := inputs["rules"].([]any)[0].(map[string]any)["applyServerSideEncryptionByDefault"].(resource.PropertyValue)
	return with(inputs, "rules", resource.NewArrayProperty([]resource.PropertyValue{resource.NewObjectProperty(resource.PropertyMap{"applyServerSideEncryptionByDefault": inner})}))
}

func TestSecretsStaySecret(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	hub := r.configured("github", map[string]any{"owner": "acme", "token": hidden("t0ken")})
	hub.create(typetoken.GitHubEnvironment, "dev", map[string]any{"repository": "infrastructure", "environment": "dev"})
	inputs := map[string]any{"repository": "infrastructure", "environment": "dev", "secretName": "ROLE", "plaintextValue": hidden("s3cret")}
	_, out := hub.create(typetoken.GitHubSecret, "role", inputs)
	require.True(t, out["plaintextValue"].IsSecret())
	require.Equal(t, "s3cret", out["plaintextValue"].SecretValue().Element.StringValue())

	_, variable := hub.create(typetoken.GitHubVariable, "v", map[string]any{"repository": "infrastructure", "environment": "dev", "variableName": "A", "value": hidden("s3cret")})
	require.True(t, variable["value"].IsSecret(), "an output is secret where the input was")

	_, made := r.configured("random", nil).create("random:index/randomPassword:RandomPassword", "p", map[string]any{"length": 64.0, "special": false})
	require.True(t, made["result"].IsSecret())
	require.Regexp(t, `^[A-Za-z0-9]{64}$`, made["result"].SecretValue().Element.StringValue())

	said := hub.failures(typetoken.GitHubVariable, map[string]any{"repository": hidden("s3cret/"), "environment": "dev", "variableName": "A", "value": "x"})
	require.Contains(t, said, "repository is a secret")
	for _, e := range r.cloud.Journal.Events() {
		require.NotContains(t, fmt.Sprint(e), "s3cret")
	}
}

func TestReadReturnsWhatTheCloudHolds(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	p := r.aws()
	id, _ := p.create(roleType, "a", roleInputs)
	r.cloud.Update(cloud.DeliveryAccount, roleType, id, func(x *cloud.Resource) {
		x.Inputs = with(x.Inputs, "description", "changed by hand")
		x.Outputs = with(x.Outputs, "description", "changed by hand")
	})
	out, err := p.Read(t.Context(), &pulumirpc.ReadRequest{Id: id, Urn: urnOf(roleType, "a")})
	require.NoError(t, err)
	require.Equal(t, "changed by hand", unwire(t, out.GetInputs())["description"].StringValue())
	require.Equal(t, "changed by hand", unwire(t, out.GetProperties())["description"].StringValue())

	require.NoError(t, p.remove(roleType, id))
	out, err = p.Read(t.Context(), &pulumirpc.ReadRequest{Id: id, Urn: urnOf(roleType, "a")})
	require.NoError(t, err)
	require.Empty(t, out.GetId(), "what is gone has no id")
	require.NoError(t, p.remove(roleType, id), "what is gone is deleted")
	require.ErrorContains(t, p.change(roleType, id, roleInputs, roleInputs), "does not exist in account 111122223333")
}

func TestInjectedFaultsStrikeOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	p := r.aws()
	f := r.cloud.Inject(cloud.Fault{Service: "provider", Operation: "create", Resource: roleType, Code: "ServiceFailure", Times: 1})
	_, _, err := p.try(roleType, "a", roleInputs)
	require.ErrorContains(t, err, "ServiceFailure: the request was made to fail")
	require.Empty(t, r.cloud.Deployed())
	p.create(roleType, "a", roleInputs)
	require.Equal(t, 0, f.Times)
}

func TestOneOfManySimultaneousCreationsWins(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	p := r.aws()
	var won sync.Map
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			if _, _, err := p.try(bucketType, "b", map[string]any{"bucket": "state-bucket-dev-a1b2"}); err == nil {
				won.Store(i, true)
			}
		})
	}
	wait.Wait()
	n := 0
	won.Range(func(any, any) bool { n++; return true })
	require.Equal(t, 1, n)
}

func TestChangesAreInTheJournal(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	p := r.aws()
	id, _ := p.create(roleType, "a", roleInputs)
	require.NoError(t, p.change(roleType, id, roleInputs, with(roleInputs, "description", "x")))
	require.NoError(t, p.remove(roleType, id))
	var said []string
	for _, e := range r.cloud.Journal.Events("resource") {
		said = append(said, e.Message)
		require.Equal(t, "organization/project/dev", e.Fields["stack"])
	}
	require.Equal(t, "created a,updated x,deleted x", strings.Join(said, ","))
}

func TestStopLeavesNothingRunning(t *testing.T) { // not parallel: it counts goroutines
	before := runtime.NumGoroutine()
	for range 5 {
		_, stop, err := NewHost(cloud.New()).Serve(nil, nil)
		require.NoError(t, err)
		stop()
	}
	// Eventually itself takes one.
	require.Eventually(t, func() bool { return runtime.NumGoroutine() <= before+1 }, 30*time.Second, 10*time.Millisecond)
}

func TestInvokes(t *testing.T) {
	t.Parallel()
	p := newRig(t).aws()
	ask := func(tok string, args map[string]any) (resource.PropertyMap, error) {
		out, err := p.Invoke(t.Context(), &pulumirpc.InvokeRequest{Tok: tok, Args: wire(t, args)})
		return unwire(t, firstStruct(out.GetReturn(), &structpb.Struct{})), err
	}
	out, err := ask("aws:index/getRegion:getRegion", nil)
	require.NoError(t, err)
	require.Equal(t, "us-east-1", out["name"].StringValue())
	_, err = ask("aws:index/getRegion:getRegion", map[string]any{"colour": "x"})
	require.ErrorContains(t, err, "colour is not an argument")
	_, err = ask("aws:ssm/getParameter:getParameter", nil)
	require.ErrorContains(t, err, "name is required")
	_, err = ask("aws:ssm/getParameter:getParameter", map[string]any{"name": "p"})
	require.ErrorContains(t, err, "couldn't find resource")
	p.create("aws:ssm/parameter:Parameter", "p", map[string]any{"name": "p", "type": "String", "value": "v"})
	out, err = ask("aws:ssm/getParameter:getParameter", map[string]any{"name": "p"})
	require.NoError(t, err)
	require.Equal(t, "v", out["value"].StringValue())
}
