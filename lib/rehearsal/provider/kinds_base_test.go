package provider

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/asset"
	"github.com/stretchr/testify/require"

	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/rehearsal/cloud"
)

func TestNamesAreTakenOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	p, dev := r.aws(), r.configured("aws", map[string]any{"region": cloud.Region, "profile": "dev"})
	p.create(roleType, "a", roleInputs)
	_, _, err := p.try(roleType, "b", roleInputs)
	require.ErrorContains(t, err, "EntityAlreadyExists: Role with name reader-role-dev-a1b2 already exists")
	_, _, err = p.try(roleType, "b", with(roleInputs, "name", strings.ToUpper(roleInputs["name"].(string))))
	require.ErrorContains(t, err, "EntityAlreadyExists", "names in IAM are not distinguished by case")
	_, _, err = p.try(roleType, "b", with(roleInputs, "name", "Operator"))
	require.ErrorContains(t, err, "EntityAlreadyExists", "what was there before counts")

	p.create(bucketType, "b", bucketInputs)
	_, _, err = p.try(bucketType, "c", bucketInputs)
	require.ErrorContains(t, err, "BucketAlreadyOwnedByYou")
	_, _, err = dev.try(bucketType, "c", bucketInputs)
	require.ErrorContains(t, err, "BucketAlreadyExists", "names of buckets are global")

	p.create(typetoken.BucketVersioning, "v", map[string]any{"bucket": bucketInputs["bucket"], "versioningConfiguration": map[string]any{"status": "Enabled"}})
	_, _, err = p.try(typetoken.BucketVersioning, "w", map[string]any{"bucket": bucketInputs["bucket"], "versioningConfiguration": map[string]any{"status": "Suspended"}})
	require.ErrorContains(t, err, "which it would replace without a word")
}

func TestReferencesMustExistInTheAccount(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	p, dev := r.aws(), r.configured("aws", map[string]any{"region": cloud.Region, "profile": "dev"})
	dev.create(bucketType, "b", bucketInputs)
	part := map[string]any{"bucket": bucketInputs["bucket"], "versioningConfiguration": map[string]any{"status": "Enabled"}}
	_, _, err := p.try(typetoken.BucketVersioning, "v", part)
	require.ErrorContains(t, err, "AccessDenied", "the bucket is somebody else's")
	_, _, err = p.try(typetoken.BucketVersioning, "v", with(part, "bucket", "no-such-bucket"))
	require.ErrorContains(t, err, `bucket is "no-such-bucket", but no aws:s3/bucketV2:BucketV2 with that name exists`)
	dev.create(typetoken.BucketVersioning, "v", part)
	_, _, err = p.try(typetoken.KeyAlias, "a", aliasInputs)
	require.ErrorContains(t, err, `targetKeyId is "k"`)
	_, _, err = p.try(typetoken.RolePolicy, "p", map[string]any{"role": "nobody", "name": "p", "policy": allowJSON("s3:GetObject", "arn:aws:s3:::bucket-b/x")})
	require.ErrorContains(t, err, `role is "nobody"`)
	_, _, err = p.try(roleType, "r", with(roleInputs, "permissionsBoundary", "arn:aws:iam::111122223333:policy/none"))
	require.ErrorContains(t, err, "permissionsBoundary")
	trust := strings.Replace(trustLambda, `"Service":"lambda.amazonaws.com"`, `"AWS":"arn:aws:iam::111122223333:role/nobody"`, 1)
	_, _, err = p.try(roleType, "r", with(roleInputs, "assumeRolePolicy", trust))
	require.ErrorContains(t, err, "arn:aws:iam::111122223333:role/nobody")
}

func TestRolesAndPoliciesInUseAreNotDeleted(t *testing.T) {
	t.Parallel()
	p := newRig(t).aws()
	arn, _ := p.create(typetoken.Policy, "p", policyInputs)
	role, _ := p.create(roleType, "r", roleInputs)
	bounded, _ := p.create(roleType, "s", with(roleInputs, "name", "bounded", "permissionsBoundary", arn, "forceDetachPolicies", true))
	attachment, _ := p.create(typetoken.RolePolicyAttachment, "a", map[string]any{"role": role, "policyArn": arn})
	require.ErrorContains(t, p.remove(roleType, role), "DeleteConflict: Cannot delete entity, must detach all policies first")
	require.ErrorContains(t, p.remove(typetoken.Policy, arn), "DeleteConflict: Cannot delete a policy attached to entities")
	require.NoError(t, p.remove(typetoken.RolePolicyAttachment, attachment))
	require.ErrorContains(t, p.remove(typetoken.Policy, arn), "is the boundary of bounded")

	inline := map[string]any{"role": role, "name": "x", "policy": policyInputs["policy"]}
	p.create(typetoken.RolePolicy, "i", inline)
	require.ErrorContains(t, p.remove(roleType, role), "must delete policies first")
	p.create(typetoken.RolePolicy, "j", with(inline, "role", bounded))
	require.NoError(t, p.remove(roleType, bounded), "forceDetachPolicies")
	require.NoError(t, p.remove(typetoken.Policy, arn))
}

func TestInlinePoliciesOfARoleFitTogether(t *testing.T) {
	t.Parallel()
	p := newRig(t).aws()
	role, _ := p.create(roleType, "r", roleInputs)
	long := allowJSON("s3:GetObject", "arn:aws:s3:::bucket-b/"+strings.Repeat("x", 6000))
	p.create(typetoken.RolePolicy, "i", map[string]any{"role": role, "name": "i", "policy": long})
	_, _, err := p.try(typetoken.RolePolicy, "j", map[string]any{"role": role, "name": "j", "policy": long})
	require.ErrorContains(t, err, "LimitExceeded")
}

func TestBucketsWithObjectsAreNotDeleted(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	p := r.aws()
	id, out := p.create(bucketType, "b", bucketInputs)
	require.Equal(t, "state-bucket-dev-a1b2.s3.us-east-1.amazonaws.com", out["bucketRegionalDomainName"].StringValue())
	a, err := asset.FromText("hello")
	require.NoError(t, err)
	_, object := p.create(typetoken.Object, "o", map[string]any{"bucket": id, "key": "k", "source": resource.NewAssetProperty(a)})
	require.True(t, object["source"].IsAsset(), "assets come back as they went")
	body, err := r.cloud.Objects.Get(id, "k")
	require.NoError(t, err)
	require.Equal(t, "hello", string(body))
	require.ErrorContains(t, p.remove(bucketType, id), "BucketNotEmpty")
	require.NoError(t, p.change(bucketType, id, bucketInputs, with(bucketInputs, "forceDestroy", true)))
	require.NoError(t, p.remove(bucketType, id))
	require.Empty(t, r.cloud.Deployed(), "settings and objects go with the bucket")
}

func TestPublicPoliciesAreBlocked(t *testing.T) {
	t.Parallel()
	p := newRig(t).aws()
	id, _ := p.create(bucketType, "b", bucketInputs)
	p.create(typetoken.BucketPublicAccessBlock, "block", map[string]any{"bucket": id, "blockPublicPolicy": true})
	policy := func(effect, condition string) map[string]any {
		return map[string]any{"bucket": id, "policy": fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Sid":"Read","Effect":%q,"Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::%s/*"%s}]}`, effect, id, condition)}
	}
	for _, public := range []string{"", `,"Condition":{"IpAddress":{"aws:SourceIp":"0.0.0.0/0"}}`, `,"Condition":{"Bool":{"aws:SecureTransport":"true"}}`} {
		_, _, err := p.try(typetoken.BucketPolicy, "p", policy("Allow", public))
		require.ErrorContains(t, err, "BlockPublicPolicy")
	}
	made, _ := p.create(typetoken.BucketPolicy, "p", policy("Allow", `,"Condition":{"StringEquals":{"aws:SourceAccount":"111122223333"}}`))
	require.NoError(t, p.remove(typetoken.BucketPolicy, made))
	p.create(typetoken.BucketPolicy, "p", policy("Deny", ""))
}

func keyPolicy(statement string) string {
	return `{"Version":"2012-10-17","Statement":[` + statement + `]}`
}

const administer = `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":["kms:DescribeKey","kms:GetKeyPolicy","kms:PutKeyPolicy","kms:GetKeyRotationStatus","kms:EnableKeyRotation","kms:ListResourceTags","kms:ScheduleKeyDeletion","kms:CreateAlias","kms:DeleteAlias"],"Resource":"*"}`

func TestKeysCanNotLockTheirCreatorOut(t *testing.T) {
	t.Parallel()
	p := newRig(t).aws()
	_, _, err := p.try(typetoken.Key, "k", map[string]any{"policy": keyPolicy(strings.ReplaceAll(administer, `"kms:PutKeyPolicy",`, ""))})
	require.ErrorContains(t, err, "will not allow you to update the key policy in the future")
	_, _, err = p.try(typetoken.Key, "k", map[string]any{"enableKeyRotation": true, "policy": keyPolicy(strings.ReplaceAll(administer, `"kms:EnableKeyRotation",`, ""))})
	require.ErrorContains(t, err, "kms:EnableKeyRotation")
	id, out := p.create(typetoken.Key, "k", map[string]any{"enableKeyRotation": true, "policy": keyPolicy(administer)})
	require.Equal(t, "arn:aws:kms:us-east-1:111122223333:key/"+id, out["arn"].StringValue())
	require.Equal(t, id, out["keyId"].StringValue())
	alias, made := p.create(typetoken.KeyAlias, "a", with(aliasInputs, "targetKeyId", id))
	require.Equal(t, out["arn"], made["targetKeyArn"])
	require.NoError(t, p.remove(typetoken.KeyAlias, alias))
	require.NoError(t, p.remove(typetoken.Key, id))
	_, _, err = p.try(typetoken.KeyAlias, "a", with(aliasInputs, "targetKeyId", id))
	require.ErrorContains(t, err, "targetKeyId", "a key that is pending deletion takes no alias")
	_, free := p.create(typetoken.Key, "l", nil)
	require.Contains(t, free["policy"].StringValue(), "Enable IAM User Permissions", "the default policy")
}

func TestEnvironmentsOfARepository(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	hub := r.configured("github", map[string]any{"owner": "acme"})
	variable := map[string]any{"repository": "infrastructure", "environment": "dev", "variableName": "REGION", "value": "us-east-1"}
	_, _, err := hub.try(typetoken.GitHubVariable, "v", variable)
	require.ErrorContains(t, err, "404 Not Found: environment dev")
	id, _ := hub.create(typetoken.GitHubEnvironment, "e", map[string]any{"repository": "infrastructure", "environment": "dev"})
	require.Equal(t, "infrastructure:dev", id)
	made, _ := hub.create(typetoken.GitHubVariable, "v", variable)
	require.Equal(t, "infrastructure:dev:REGION", made)
	hub.create(hookTok, "h", hookInputs)
	_, _, err = hub.try(hookTok, "i", hookInputs)
	require.ErrorContains(t, err, "ResourceConflict")
	require.NoError(t, hub.remove(typetoken.GitHubEnvironment, id))
	require.Len(t, r.cloud.Deployed(), 1, "what an environment holds goes with it")
}

func TestPasswordsHoldWhatWasAsked(t *testing.T) {
	t.Parallel()
	p := newRig(t).configured("random", nil)
	id, out := p.create(typetoken.RandomPassword, "p", map[string]any{"length": 12.0, "minNumeric": 4.0, "minSpecial": 2.0, "overrideSpecial": "_", "upper": false})
	secret := out["result"].SecretValue().Element.StringValue()
	require.Regexp(t, `^[a-z0-9_]{12}$`, secret)
	require.GreaterOrEqual(t, strings.Count(secret, "_"), 2)
	other, _ := p.create(typetoken.RandomPassword, "q", map[string]any{"length": 12.0})
	require.NotEqual(t, id, other)
}
