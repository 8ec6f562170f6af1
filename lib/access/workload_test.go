package access

import (
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/iampolicy"
	"delivery.internal/lib/naming"
)

func dev() place {
	return place{naming.Scope{Account: "123456789012", Region: "us-east-1"}, naming.New(naming.Dev, "a1b2")}
}

func TestDefaultCoversTheSampleWorkloadByName(t *testing.T) {
	t.Parallel()
	p := dev()
	docs, err := p.compile(Default())
	require.NoError(t, err)
	resources := map[string]bool{}
	for _, s := range docs.deploy.Statement {
		for _, r := range s.Resource {
			resources[r] = true
		}
	}
	require.Equal(t, map[string]bool{
		"*": true, // ssm:DescribeParameters
		p.target.Topic(p.names.Of(naming.WorkloadTopic)):         true,
		p.target.Queue(p.names.Of(naming.WorkloadQueue)):         true,
		p.target.Queue(p.names.Of(naming.WorkloadDeadQueue)):     true,
		p.target.Parameter(p.names.Of(naming.WorkloadParameter)): true,
	}, resources)
}

func TestPreviewOnlyReadsAndTheBoundaryIsWhatDeployMayDo(t *testing.T) {
	t.Parallel()
	docs, err := dev().compile(Default())
	require.NoError(t, err)
	for _, s := range docs.preview.Statement {
		for _, a := range s.Action {
			require.Regexp(t, readVerb, a)
		}
	}
	require.NotContains(t, actions(docs.preview), "sqs:CreateQueue")
	require.Contains(t, actions(docs.deploy), "sqs:CreateQueue")
	require.Subset(t, actions(docs.deploy), actions(docs.preview))
	require.Equal(t, docs.deploy, docs.boundary)
}

func actions(d iampolicy.Document) []string {
	var all []string
	for _, s := range d.Statement {
		all = append(all, s.Action...)
	}
	return all
}

func TestWorkloadPermissionsThatUndoTheLimitsAreRefused(t *testing.T) {
	t.Parallel()
	queue := []string{"arn:aws:sqs:${region}:${account}:jobs-${environment}-${suffix}"}
	for name, c := range map[string]struct {
		permission Permission
		want       string
	}{
		"no action":           {Permission{Resources: queue}, "needs read or write actions"},
		"no resource":         {Permission{Read: []string{"sqs:GetQueueUrl"}}, "and resources"},
		"a write in read":     {Permission{Read: []string{"sqs:DeleteQueue"}, Resources: queue}, "list it under write"},
		"any resource":        {Permission{Read: []string{"sqs:GetQueueUrl"}, Resources: []string{"*"}}, "give its resources"},
		"unknown variable":    {Permission{Read: []string{"sqs:GetQueueUrl"}, Resources: []string{"arn:aws:sqs:${zone}:1:a"}}, "unknown variable"},
		"no ARN":              {Permission{Read: []string{"sqs:GetQueueUrl"}, Resources: []string{"jobs"}}, "is not an ARN"},
		"star inside":         {Permission{Read: []string{"sqs:GetQueueUrl"}, Resources: []string{"arn:aws:sqs:us-east-1:1:jo*"}}, "wildcard"},
		"wildcard action":     {Permission{Read: []string{"sqs:GetQueueUrl"}, Write: []string{"sqs:*"}, Resources: queue}, "wildcard"},
		"its own deploy role": {Permission{Read: []string{"sqs:GetQueueUrl"}, Resources: []string{"arn:aws:iam::${account}:role/deploy-role-${environment}-${suffix}"}}, "may not change what limits it"},
		"all roles":           {Permission{Read: []string{"sqs:GetQueueUrl"}, Resources: []string{"arn:aws:iam::${account}:role/*"}}, "may not change what limits it"},
		"its own boundary":    {Permission{Read: []string{"sqs:GetQueueUrl"}, Resources: []string{"arn:aws:iam::${account}:policy/permission-boundary-${environment}-${suffix}"}}, "may not change what limits it"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := dev().compile([]Permission{c.permission})
			require.ErrorContains(t, err, c.want)
		})
	}
	_, err := dev().compile(nil)
	require.ErrorContains(t, err, "no permission")
}
