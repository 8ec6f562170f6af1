package eventing_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"delivery.internal/lib/compute"
	"delivery.internal/lib/contract"
	"delivery.internal/lib/eventing"
	"delivery.internal/lib/naming"
	"delivery.internal/lib/plantest"
	"delivery.internal/lib/promotion"
)

const (
	ruleType   = "aws:cloudwatch/eventRule:EventRule"
	targetType = "aws:cloudwatch/eventTarget:EventTarget"
	bus        = "delivery-bus-shared-a1b2"
	startRule  = "arn:aws:events:us-east-1:111122223333:rule/" + bus + "/start-rule-prod-a1b2"
	stateRule  = "arn:aws:events:us-east-1:111122223333:rule/state-rule-prod-a1b2"
	starterARN = "arn:aws:lambda:us-east-1:111122223333:function:starter-shared-a1b2"
	topic      = "arn:aws:sns:us-east-1:111122223333:pipeline-topic-shared-a1b2"
)

var tags = pulumi.StringMap{"Owner": pulumi.String("me")}

func startArgs(on eventing.Event) *eventing.StartRuleArgs {
	s := plantest.Settings()
	return &eventing.StartRuleArgs{
		Names: s.Namer(naming.Prod), Scope: s.Delivery(), Bus: bus, On: on, Pipeline: pulumi.String("pipeline-prod-a1b2"),
		StarterName: "starter-shared-a1b2", StarterARN: starterARN, AlarmTopicARN: topic, Tags: tags,
	}
}

func start(args *eventing.StartRuleArgs) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		_, err := eventing.NewStartRule(ctx, "start", args)
		return err
	}
}

func notificationsArgs() *eventing.StateNotificationsArgs {
	return &eventing.StateNotificationsArgs{Names: plantest.Settings().Namer(naming.Prod), TopicARN: topic, DeadLetterARN: pulumi.String("arn:aws:sqs:us-east-1:111122223333:q"), Tags: tags}
}

func notifications(args *eventing.StateNotificationsArgs) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		_, err := eventing.NewStateNotifications(ctx, "news", args)
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
	for want, on := range map[string]eventing.Event{
		`{"source":["delivery.receiver"],"detail-type":["push"],"detail":{"repository":["acme/infrastructure"],"branch":["main"]}}`:          eventing.Pushed(plantest.Settings().Repository),
		`{"source":["delivery.deployer.staging"],"detail-type":["deployment"],"detail":{"environment":["staging"],"outcome":["succeeded"]}}`: eventing.Deployed(naming.Staging),
	} {
		rule := plantest.One(t, run(t, start(startArgs(on))), ruleType, "")
		require.JSONEq(t, want, rule.Text("eventPattern"))
		require.Equal(t, bus, rule.Text("eventBusName"))
		require.Equal(t, "ENABLED", rule.Text("state"))
	}
}

func TestTheStarterGetsThePipelineAndTheWholeEvent(t *testing.T) {
	t.Parallel()
	target := plantest.One(t, run(t, start(startArgs(eventing.Deployed(naming.Staging)))), targetType, "")
	require.Equal(t, starterARN, target.Text("arn"))
	require.Equal(t, bus, target.Text("eventBusName"))
	require.Empty(t, target.Text("roleArn"), "a function is reached by its own policy")
	require.NotEmpty(t, target.Inputs["retryPolicy"])
	require.Equal(t, map[string]any{"arn": "arn:aws:sqs:us-east-1:111122223333:start-dead-letter-prod-a1b2"}, target.Inputs["deadLetterConfig"])
	template := target.Inputs["inputTransformer"].(map[string]any)["inputTemplate"].(string)
	var got contract.StartRequest
	event := `{"source":"delivery.deployer.staging","detail-type":"deployment","detail":{"commit":"c"}}`
	require.NoError(t, json.Unmarshal([]byte(strings.Replace(template, "<aws.events.event.json>", event, 1)), &got))
	require.Equal(t, "pipeline-prod-a1b2", got.Pipeline)
	require.Equal(t, "delivery.deployer.staging", got.Event.Source)
	require.JSONEq(t, `{"commit":"c"}`, string(got.Event.Detail))
}

func TestExactlyThisRuleInvokesTheStarter(t *testing.T) {
	t.Parallel()
	rs := run(t, start(startArgs(eventing.Deployed(naming.Staging))))
	p := plantest.One(t, rs, "aws:lambda/permission:Permission", "")
	require.Equal(t, "starter-shared-a1b2", p.Text("function"))
	require.Equal(t, "events.amazonaws.com", p.Text("principal"))
	require.NotEmpty(t, p.Text("sourceArn"))
	require.Empty(t, plantest.OfType(rs, "aws:iam/role:Role"), "the rule needs none")
	for _, p := range plantest.Policies(t, rs) {
		require.EqualValues(t, []string{startRule, stateRule}, p.Document.Statement[0].Condition["ArnEquals"]["aws:SourceArn"], "the queue takes from both rules")
	}
}

func starterArgs(t *testing.T) *eventing.StarterArgs {
	t.Helper()
	dir := t.TempDir()
	plantest.Program(t, filepath.Join(dir, "bootstrap"), "arm64")
	s := plantest.Settings()
	return &eventing.StarterArgs{
		Names: s.Namer(naming.Shared), Scope: s.Delivery(), Repository: s.Repository, KeyARN: plantest.Key(naming.Shared),
		Environments: promotion.Environments{{Name: naming.Dev}, {Name: naming.Prod, Follows: naming.Staging}},
		Code:         compute.Code{Directory: dir, Architecture: "arm64"}, AlarmTopicARN: pulumi.String(topic), Tags: tags,
	}
}

func newStarter(args *eventing.StarterArgs) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		_, err := eventing.NewStarter(ctx, "starter", args)
		return err
	}
}

func TestTheStarterMayStartExactlyItsPipelines(t *testing.T) {
	t.Parallel()
	rs := run(t, newStarter(starterArgs(t)))
	f := plantest.One(t, rs, "aws:lambda/function:Function", "")
	variables := f.Inputs["environment"].(map[string]any)["variables"].(map[string]any)
	require.JSONEq(t, `{"pipeline-dev-a1b2":"delivery.receiver","pipeline-prod-a1b2":"delivery.deployer.staging"}`, variables["PIPELINE_SOURCES"].(string))
	require.Equal(t, "arn:aws:sqs:us-east-1:111122223333:starter-dead-letter-shared-a1b2", f.Inputs["deadLetterConfig"].(map[string]any)["targetArn"])
	for _, p := range plantest.Policies(t, rs) {
		for _, s := range p.Document.Statement {
			if s.Sid == "Start" {
				require.EqualValues(t, []string{
					"arn:aws:codepipeline:us-east-1:111122223333:pipeline-dev-a1b2", "arn:aws:codepipeline:us-east-1:111122223333:pipeline-prod-a1b2",
				}, s.Resource)
				return
			}
		}
	}
	require.Fail(t, "no statement lets the function start a pipeline")
}

func TestAStateNotificationIsASentence(t *testing.T) {
	t.Parallel()
	rs := run(t, notifications(notificationsArgs()))
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
	on := eventing.Pushed(plantest.Settings().Repository)
	noBus, noPipeline, noTopic, noQueue := startArgs(on), startArgs(on), notificationsArgs(), notificationsArgs()
	noBus.Bus, noPipeline.Pipeline, noTopic.TopicARN, noQueue.DeadLetterARN = "", nil, "", nil
	noStarter, noAlarm, noSources := startArgs(on), startArgs(on), starterArgs(t)
	noStarter.StarterARN, noAlarm.AlarmTopicARN, noSources.Environments = "", "", nil
	for _, c := range []struct {
		program pulumi.RunFunc
		want    string
	}{
		{start(nil), "start start has no arguments"},
		{start(noBus), "needs Bus and Pipeline"},
		{start(noPipeline), "needs Bus and Pipeline"},
		{start(noStarter), "has no function that starts"},
		{start(noAlarm), "would lose events in silence"},
		{newStarter(nil), "starter starter has no arguments"},
		{newStarter(noSources), "may start no pipeline"},
		{start(startArgs(eventing.Event{})), "would start at any event"},
		{notifications(nil), "state notifications news have no arguments"},
		{notifications(noTopic), "have no topic"},
		{notifications(noQueue), "can be lost"},
	} {
		rs, err := plantest.Try("environment-prod", plantest.Suffix, nil, c.program, nil)
		require.ErrorContains(t, err, c.want)
		require.Empty(t, plantest.OfType(rs, ruleType))
	}
}
