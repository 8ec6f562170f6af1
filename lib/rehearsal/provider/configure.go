package provider

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/structpb"

	"delivery.internal/lib/aws/apierr"
	"delivery.internal/lib/rehearsal/cloud"
)

// settings are the provider settings that are played, by plugin. Another one
// would be ignored, which a test instrument must not do.
var settings = map[string][]string{
	"aws": {
		"region", "profile", "assumeRole", "assumeRoles", "allowedAccountIds", "forbiddenAccountIds", "defaultTags",
		// These change nothing here: the Go SDK sets the first four by itself.
		"skipCredentialsValidation", "skipMetadataApiCheck", "skipRegionValidation", "skipRequestingAccountId", "maxRetries", "retryMode", "stsRegion",
	},
	"github": {"owner", "token", "organization", "baseUrl", "writeDelayMs", "readDelayMs", "retryDelayMs", "maxRetries", "parallelRequests", "retryableErrors", "insecure"},
	"random": {},
}

// roleSettings are the settings of one role to assume.
var roleSettings = []string{"roleArn", "externalId", "sessionName", "duration"}

// CheckConfig implements pulumirpc.ResourceProviderServer.
func (s *server) CheckConfig(_ context.Context, r *pulumirpc.CheckRequest) (*pulumirpc.CheckResponse, error) {
	p, err := read(r.GetNews())
	if err != nil {
		return nil, err
	}
	out := &pulumirpc.CheckResponse{Inputs: r.GetNews()}
	for k := range p.raw {
		if name := string(k); !slices.Contains(settings[s.plugin], name) && !ofEngine(name) {
			out.Failures = append(out.Failures, &pulumirpc.CheckFailure{Property: name, Reason: fmt.Sprintf("is not a setting of the provider %s that the local cloud plays", s.plugin)})
		}
	}
	return out, nil
}

// ofEngine says whether the engine, not the user, sets a provider's input.
func ofEngine(name string) bool {
	return slices.Contains([]string{"version", "pluginDownloadURL", "pluginChecksums", "parameterization"}, name) || strings.HasPrefix(name, "__")
}

// DiffConfig implements pulumirpc.ResourceProviderServer. Another account,
// region or owner would be another provider: everything else is an update.
func (s *server) DiffConfig(_ context.Context, r *pulumirpc.DiffRequest) (*pulumirpc.DiffResponse, error) {
	old, err := read(firstStruct(r.GetOldInputs(), r.GetOlds()))
	if err != nil {
		return nil, err
	}
	news, err := read(r.GetNews())
	if err != nil {
		return nil, err
	}
	changed := changedKeys(old, news, r.GetIgnoreChanges(), ofEngine)
	out := &pulumirpc.DiffResponse{Changes: pulumirpc.DiffResponse_DIFF_NONE, Diffs: changed}
	if len(changed) > 0 {
		out.Changes = pulumirpc.DiffResponse_DIFF_SOME
	}
	for _, k := range changed {
		if k == "region" || k == "owner" {
			out.Replaces = append(out.Replaces, k)
		}
	}
	return out, nil
}

// Configure implements pulumirpc.ResourceProviderServer.
func (s *server) Configure(ctx context.Context, r *pulumirpc.ConfigureRequest) (*pulumirpc.ConfigureResponse, error) {
	out := &pulumirpc.ConfigureResponse{AcceptSecrets: true, SupportsPreview: true, AcceptResources: true}
	p, err := read(r.GetArgs())
	if err != nil {
		return nil, err
	}
	if len(p.unknown) > 0 {
		return out, nil // a preview, whose provider depends on what does not exist yet
	}
	config := map[string]any{}
	for k, v := range p.values {
		config[k] = decode(v)
	}
	conn := connectionOf(ctx)
	conn.mu.Lock()
	defer conn.mu.Unlock()
	if s.plugin != "aws" {
		conn.account = s.plugin
		return out, s.configureOther(config)
	}
	session, err := s.configuredSession(config)
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	conn.session, conn.account = session, session.Account
	if tags, ok := cloud.Lookup(config, "defaultTags.tags").(map[string]any); ok {
		conn.tags = tags
	}
	return out, nil
}

// configureOther: the owner is needed where repositories are named without it.
func (s *server) configureOther(config map[string]any) error {
	if owner, _ := config["owner"].(string); s.plugin == "github" && owner == "" {
		return status.Error(codes.InvalidArgument, "the GitHub provider has no owner: set github:owner")
	}
	return nil
}

// errNoCredentials is the AWS provider's own text.
var errNoCredentials = errors.New("no valid credential sources found: the provider has no AWS credentials")

// configuredSession follows the configuration from the ambient credentials to those
// that the provider works with, and checks the account. The texts are those of
// the AWS provider (aws-sdk-go-base), which people search for.
func (s *server) configuredSession(config map[string]any) (*cloud.Session, error) {
	if region := textOf(config["region"]); region != cloud.Region {
		return nil, fmt.Errorf("invalid AWS Region: %q: the local cloud has only %s; set aws:region", region, cloud.Region)
	}
	session := s.session
	if profile := textOf(config["profile"]); profile != "" {
		if session = s.profiles[profile]; session == nil {
			return nil, fmt.Errorf("failed to get shared config profile, %s", profile)
		}
	}
	if session == nil {
		return nil, errNoCredentials
	}
	if !s.host.cloud.Now().Before(session.Expires) {
		return nil, apierr.BadRequest("ExpiredToken", "The security token included in the request is expired")
	}
	roles, _ := config["assumeRoles"].([]any)
	if one, ok := config["assumeRole"].(map[string]any); ok {
		roles = append(roles, one)
	}
	for _, r := range roles {
		role, _ := r.(map[string]any)
		next, err := s.assumeRole(session, role)
		if err != nil {
			return nil, err
		}
		session = next
	}
	return session, checkAccount(config, session.Account)
}

// assumeRole takes one role on.
func (s *server) assumeRole(session *cloud.Session, role map[string]any) (*cloud.Session, error) {
	for k := range role {
		if !slices.Contains(roleSettings, k) {
			return nil, fmt.Errorf("assumeRole.%s is not played by the local cloud: expected %s", k, strings.Join(roleSettings, ", "))
		}
	}
	arn, name := textOf(role["roleArn"]), textOf(role["sessionName"])
	if arn == "" {
		return nil, errors.New("assumeRole has no roleArn: set it to the ARN of the role")
	}
	if name == "" {
		name = fmt.Sprintf("aws-go-sdk-%d", s.host.cloud.Serial())
	}
	lifetime := time.Hour
	if d := textOf(role["duration"]); d != "" {
		var err error
		if lifetime, err = time.ParseDuration(d); err != nil {
			return nil, fmt.Errorf("assumeRole.duration is %q: expected a duration such as 1h", d)
		}
	}
	next, err := s.host.cloud.AssumeRole(session, arn, name, textOf(role["externalId"]), lifetime)
	if err != nil {
		return nil, fmt.Errorf("cannot assume IAM Role: IAM Role (%s) cannot be assumed: operation error STS: AssumeRole, StatusCode: 403, %w", arn, err)
	}
	return next, nil
}

// textOf is a setting as text, "" where there is none.
func textOf(v any) string {
	s, _ := v.(string)
	return s
}

func checkAccount(config map[string]any, account string) error {
	list := func(key string) (out []string) {
		l, _ := config[key].([]any)
		for _, v := range l {
			if n, ok := v.(float64); ok { // an account id without quotes
				v = strconv.FormatFloat(n, 'f', 0, 64)
			}
			out = append(out, fmt.Sprint(v))
		}
		return out
	}
	if ids := list("allowedAccountIds"); len(ids) > 0 && !slices.Contains(ids, account) {
		return fmt.Errorf("AWS account ID not allowed: %s: expected one of %s", account, strings.Join(ids, ", "))
	}
	if slices.Contains(list("forbiddenAccountIds"), account) {
		return fmt.Errorf("AWS account ID not allowed: %s", account)
	}
	return nil
}

func firstStruct(options ...*structpb.Struct) *structpb.Struct {
	for _, s := range options {
		if s != nil {
			return s
		}
	}
	return nil
}
