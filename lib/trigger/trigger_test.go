package trigger_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"delivery/lib/naming"
	"delivery/lib/plantest"
	"delivery/lib/trigger"
)

const (
	ruleType   = "aws:cloudwatch/eventRule:EventRule"
	targetType = "aws:cloudwatch/eventTarget:EventTarget"
	bus        = "delivery-bus-shared-a1b2"
	startRule  = "arn:aws:events:us-east-1:111122223333:rule/" + bus + "/start-rule-prod-a1b2"
	stateRule  = "arn:aws:events:us-east-1:111122223333:rule/state-rule-prod-a1b2"
	pipeline   = "arn:aws:codepipeline:us-east-1:111122223333:pipeline-prod-a1b2"
	topic      = "arn:aws:sns:us-east-1:111122223333:pipeline-topic-shared-a1b2"
)

var tags = pulumi.StringMap{"Owner": pulumi.String("me")}

func startArgs(on trigger.Event) *trigger.StartArgs {
	s := plantest.Settings()
	return &trigger.StartArgs{Names: s.Namer(naming.Prod), Scope: s.Delivery(), Bus: bus, On: on, PipelineARN: pulumi.String(pipeline), Tags: tags}
}

func start(args *trigger.StartArgs) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		_, err := trigger.NewStart(ctx, "start", args)
		return err
	}
}

func newsArgs() *trigger.NewsArgs {
	return &trigger.NewsArgs{Names: plantest.Settings().Namer(naming.Prod), TopicARN: topic, DeadLetterARN: pulumi.String("arn:aws:sqs:us-east-1:111122223333:q"), Tags: tags}
}

func news(args *trigger.NewsArgs) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		_, err := trigger.NewNews(ctx, "news", args)
		return err
	}
}

func run(t *testing.T, program pulumi.RunFunc) []plantest.Resource {
	t.Helper()
	rs := plantest.Run(t, "environment-prod", plantest.Suffix, nil, program, nil)
	plantest.Check(t, rs, plantest.Suffix, map[string]string{"Owner": "me"})
	return rs
}

func TestTheRuleHearsOfItsEventOnly(t *testing.T) {
	t.Parallel()
	for want, on := range map[string]trigger.Event{
		`{"source":["delivery.receiver"],"detail-type":["push"],"detail":{"repository":["acme/infrastructure"],"branch":["main"]}}`:          trigger.Pushed(plantest.Settings().Repository),
		`{"source":["delivery.deployer.staging"],"detail-type":["deployment"],"detail":{"environment":["staging"],"outcome":["succeeded"]}}`: trigger.Deployed(naming.Staging),
	} {
		rule := plantest.One(t, run(t, start(startArgs(on))), ruleType, "")
		require.JSONEq(t, want, rule.Text("eventPattern"))
		require.Equal(t, bus, rule.Text("eventBusName"))
		require.Equal(t, "ENABLED", rule.Text("state"))
	}
}

func TestTheExecutionIsPinnedToTheCommitOfTheEvent(t *testing.T) {
	t.Parallel()
	target := plantest.One(t, run(t, start(startArgs(trigger.Deployed(naming.Staging)))), targetType, "")
	require.Equal(t, pipeline, target.Text("arn"))
	require.Equal(t, bus, target.Text("eventBusName"))
	require.Equal(t, "arn:aws:iam::111122223333:role/start-role-prod-a1b2", target.Text("roleArn"))
	require.NotEmpty(t, target.Inputs["retryPolicy"])
	require.Equal(t, map[string]any{"arn": "arn:aws:sqs:us-east-1:111122223333:start-dead-letter-prod-a1b2"}, target.Inputs["deadLetterConfig"])
	transformer := target.Inputs["inputTransformer"].(map[string]any)
	require.Equal(t, map[string]any{"commit": "$.detail.commit", "delivery": "$.detail.delivery", "pusher": "$.detail.pusher"}, transformer["inputPaths"])
	template := transformer["inputTemplate"].(string)
	require.NotContains(t, template, `\u003c`, "EventBridge would not see the placeholders")
	require.JSONEq(t, `{
		"sourceRevisions": [{"actionName": "Source", "revisionType": "COMMIT_ID", "revisionValue": "<commit>"}],
		"variables": [{"name": "COMMIT", "value": "<commit>"}, {"name": "DELIVERY", "value": "<delivery>"}, {"name": "PUSHER", "value": "<pusher>"}]
	}`, template)
}

func TestTheRoleStartsThisPipelineForThisRule(t *testing.T) {
	t.Parallel()
	for _, p := range plantest.Policies(t, run(t, start(startArgs(trigger.Deployed(naming.Staging))))) {
		require.Len(t, p.Document.Statement, 1)
		s := p.Document.Statement[0]
		switch {
		case p.Key == "assumeRolePolicy":
			require.Equal(t, "events.amazonaws.com", s.Principal.Service[0])
			require.Equal(t, startRule, s.Condition["ArnEquals"]["aws:SourceArn"][0])
			require.Equal(t, plantest.DeliveryAccount, s.Condition["StringEquals"]["aws:SourceAccount"][0])
		case p.Resource.Type == "aws:iam/rolePolicy:RolePolicy":
			require.EqualValues(t, []string{"codepipeline:StartPipelineExecution"}, s.Action)
			require.EqualValues(t, []string{pipeline}, s.Resource)
		default:
			require.EqualValues(t, []string{startRule, stateRule}, s.Condition["ArnEquals"]["aws:SourceArn"], "the queue takes from both rules")
		}
	}
}

func TestTheNewsAreASentence(t *testing.T) {
	t.Parallel()
	rs := run(t, news(newsArgs()))
	rule := plantest.One(t, rs, ruleType, "")
	require.JSONEq(t, `{"source":["aws.codepipeline"],"detail-type":["CodePipeline Pipeline Execution State Change"],
		"detail":{"pipeline":["pipeline-prod-a1b2"],"state":["STARTED","RESUMED","SUCCEEDED","FAILED","CANCELED","STOPPED","SUPERSEDED"]}}`, rule.Text("eventPattern"))
	require.Empty(t, rule.Text("eventBusName"), "services of AWS put events on the default bus only")
	target := plantest.One(t, rs, targetType, "")
	require.Equal(t, topic, target.Text("arn"))
	transformer := target.Inputs["inputTransformer"].(map[string]any)
	template := transformer["inputTemplate"].(string)
	for placeholder := range transformer["inputPaths"].(map[string]any) {
		require.Contains(t, template, "<"+placeholder+">")
		template = strings.ReplaceAll(template, "<"+placeholder+">", placeholder)
	}
	var text string
	require.NoError(t, json.Unmarshal([]byte(template), &text), "the template is a JSON string")
	require.True(t, strings.HasPrefix(text, "pipeline: execution execution is state since time."), text)
	require.NotContains(t, text, "<")
}

func TestATriggerIsRefusedWithASentence(t *testing.T) {
	t.Parallel()
	on := trigger.Pushed(plantest.Settings().Repository)
	noBus, noPipeline, noTopic, noQueue := startArgs(on), startArgs(on), newsArgs(), newsArgs()
	noBus.Bus, noPipeline.PipelineARN, noTopic.TopicARN, noQueue.DeadLetterARN = "", nil, "", nil
	for _, c := range []struct {
		program pulumi.RunFunc
		want    string
	}{
		{start(nil), "start start has no arguments"},
		{start(noBus), "needs Bus and PipelineARN"},
		{start(noPipeline), "needs Bus and PipelineARN"},
		{start(startArgs(trigger.Event{})), "would start at any event"},
		{news(nil), "news news has no arguments"},
		{news(noTopic), "reaches nobody"},
		{news(noQueue), "can be lost"},
	} {
		rs, err := plantest.Try("environment-prod", plantest.Suffix, nil, c.program, nil)
		require.ErrorContains(t, err, c.want)
		require.Empty(t, plantest.OfType(rs, ruleType))
	}
}
