package webhook

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/apigatewayv2"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/lambda"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"delivery.internal/lib/compute"
	"delivery.internal/lib/naming"
)

const (
	// stage is served at the root of the API's host.
	stage = "$default"
	// path is where GitHub delivers.
	path = "/webhook"
	// rate and burst, in requests a second, are how many strangers a push still
	// gets past, and bound what they can make us pay: docs/deployment.md has the
	// arithmetic. Nothing in an HTTP API tells strangers from GitHub before the
	// function does. Concurrency is not reserved for the function: new accounts
	// have none to give away, and what a flood could starve, the starter, is
	// invoked asynchronously and waits for its turn.
	rate, burst = 50, 100
)

// APIArgs describe the HTTP API.
type APIArgs struct {
	// Names gives every name.
	Names naming.Namer
	// KeyARN is the KMS key of the access log.
	KeyARN string
	// Function answers the requests.
	Function *compute.Function
	// Tags are put on everything.
	Tags pulumi.StringMap
}

// API is the HTTP API in front of the receiver.
type API struct {
	pulumi.ResourceState

	// URL is where GitHub delivers.
	URL pulumi.StringOutput
	// Ready are the resources that must exist before GitHub's first ping.
	Ready []pulumi.Resource
}

func (a *APIArgs) validate(name string) error {
	if a == nil {
		return fmt.Errorf("API %s has no arguments", name)
	}
	var errs []error
	if a.KeyARN == "" || a.Function == nil {
		errs = append(errs, fmt.Errorf("API %s needs KeyARN and Function", name))
	}
	return errors.Join(errs...)
}

// NewAPI makes the HTTP API.
func NewAPI(ctx *pulumi.Context, name string, args *APIArgs, opts ...pulumi.ResourceOption) (*API, error) {
	if err := args.validate(name); err != nil {
		return nil, err
	}
	a := &API{}
	if err := ctx.RegisterComponentResource("pipeline:webhook:API", name, a, opts...); err != nil {
		return nil, err
	}
	api, err := apigatewayv2.NewApi(ctx, name, &apigatewayv2.ApiArgs{
		Name:         pulumi.String(args.Names.Of(naming.WebhookAPI)),
		Description:  pulumi.String("Receives the deliveries of the GitHub webhook"),
		ProtocolType: pulumi.String("HTTP"),
		Tags:         args.Tags,
	}, pulumi.Parent(a), pulumi.DeleteBeforeReplace(true))
	if err != nil {
		return nil, err
	}
	integration, err := apigatewayv2.NewIntegration(ctx, name, &apigatewayv2.IntegrationArgs{
		ApiId:                api.ID(),
		IntegrationType:      pulumi.String("AWS_PROXY"),
		IntegrationUri:       args.Function.InvokeARN,
		IntegrationMethod:    pulumi.String("POST"),
		PayloadFormatVersion: pulumi.String("2.0"),
	}, pulumi.Parent(a))
	if err != nil {
		return nil, err
	}
	route, err := apigatewayv2.NewRoute(ctx, name, &apigatewayv2.RouteArgs{
		ApiId:    api.ID(),
		RouteKey: pulumi.String("POST " + path),
		Target:   pulumi.Sprintf("integrations/%s", integration.ID()),
	}, pulumi.Parent(a))
	if err != nil {
		return nil, err
	}
	served, err := args.stage(ctx, name, api, route, a)
	if err != nil {
		return nil, err
	}
	permission, err := lambda.NewPermission(ctx, name, &lambda.PermissionArgs{
		StatementId: pulumi.String("webhook-api"),
		Action:      pulumi.String("lambda:InvokeFunction"),
		Function:    args.Function.Name,
		Principal:   pulumi.String("apigateway.amazonaws.com"),
		SourceArn:   pulumi.Sprintf("%s/%s/POST%s", api.ExecutionArn, stage, path),
	}, pulumi.Parent(a), pulumi.DeleteBeforeReplace(true))
	if err != nil {
		return nil, err
	}
	a.URL = pulumi.Sprintf("%s%s", api.ApiEndpoint, path)
	a.Ready = append([]pulumi.Resource{served, permission}, args.Function.Ready...)
	return a, ctx.RegisterResourceOutputs(a, pulumi.Map{"url": a.URL})
}

// stage deploys the API by itself, slowly enough and with an access log.
func (a *APIArgs) stage(ctx *pulumi.Context, name string, api *apigatewayv2.Api, route *apigatewayv2.Route, parent pulumi.Resource) (*apigatewayv2.Stage, error) {
	logs, err := compute.NewLogGroup(ctx, name+"-logs", &compute.LogGroupArgs{
		Names: a.Names, Kind: naming.WebhookAPILogs, KeyARN: a.KeyARN, Tags: a.Tags,
	}, pulumi.Parent(parent))
	if err != nil {
		return nil, err
	}
	format, err := accessLog()
	if err != nil {
		return nil, err
	}
	return apigatewayv2.NewStage(ctx, name, &apigatewayv2.StageArgs{
		ApiId:      api.ID(),
		Name:       pulumi.String(stage),
		AutoDeploy: pulumi.Bool(true),
		AccessLogSettings: apigatewayv2.StageAccessLogSettingsArgs{
			DestinationArn: logs.Arn,
			Format:         pulumi.String(format),
		},
		DefaultRouteSettings: apigatewayv2.StageDefaultRouteSettingsArgs{
			ThrottlingRateLimit:  pulumi.Float64(rate),
			ThrottlingBurstLimit: pulumi.Int(burst),
		},
		Tags: a.Tags,
	}, pulumi.Parent(parent), pulumi.DeleteBeforeReplace(true), pulumi.DependsOn([]pulumi.Resource{route}))
}

// accessLog is one JSON line a request: who, what, what came of it.
func accessLog() (string, error) {
	b, err := json.Marshal(map[string]string{
		"requestId":        "$context.requestId",
		"time":             "$context.requestTime",
		"sourceIp":         "$context.identity.sourceIp",
		"route":            "$context.routeKey",
		"status":           "$context.status",
		"integrationError": "$context.integrationErrorMessage",
		"userAgent":        "$context.identity.userAgent",
	})
	return string(b), err
}
