package provider

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/structpb"

	"delivery/lib/rehearsal/cloud"
)

// CheckConfig implements pulumirpc.ResourceProviderServer.
func (s *server) CheckConfig(_ context.Context, r *pulumirpc.CheckRequest) (*pulumirpc.CheckResponse, error) {
	return &pulumirpc.CheckResponse{Inputs: r.GetNews()}, nil
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
	changed := changes(old, news, r.GetIgnoreChanges(), func(string) bool { return false })
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
	config := map[string]any{}
	for k, v := range p.values {
		config[k] = decode(v)
	}
	conn := connectionOf(ctx)
	conn.mu.Lock()
	defer conn.mu.Unlock()
	conn.account = s.plugin
	if s.plugin != "aws" {
		return out, s.configureOther(config)
	}
	session, err := s.credentials(config)
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	conn.session, conn.account = session, session.Account
	if tags, ok := cloud.Lookup(config, "defaultTags.tags").(map[string]any); ok {
		conn.tags = tags
	}
	return out, nil
}

// githubOwner is needed where repositories are named without their owner.
func (s *server) configureOther(config map[string]any) error {
	if owner, _ := config["owner"].(string); s.plugin == "github" && owner == "" {
		return status.Error(codes.InvalidArgument, "the GitHub provider has no owner: set github:owner")
	}
	return nil
}

// credentials follows the configuration from the ambient credentials to those
// that the provider works with, and checks the account.
func (s *server) credentials(config map[string]any) (*cloud.Session, error) {
	text := func(path string) string { v, _ := cloud.Lookup(config, path).(string); return v }
	if region := text("region"); region != cloud.Region {
		return nil, fmt.Errorf("Invalid AWS Region: %q: the local cloud has only %s; set aws:region", region, cloud.Region)
	}
	session := s.session
	if profile := text("profile"); profile != "" {
		if session = s.profiles[profile]; session == nil {
			return nil, fmt.Errorf("failed to get shared config profile, %s", profile)
		}
	}
	if session == nil {
		return nil, fmt.Errorf("No valid credential sources found: the provider has no AWS credentials")
	}
	roles, _ := config["assumeRoles"].([]any)
	if one, ok := config["assumeRole"].(map[string]any); ok {
		roles = append(roles, one)
	}
	for _, r := range roles {
		role, _ := r.(map[string]any)
		arn, _ := role["roleArn"].(string)
		name, _ := role["sessionName"].(string)
		external, _ := role["externalId"].(string)
		if name == "" {
			name = fmt.Sprintf("aws-go-sdk-%d", s.host.cloud.Serial())
		}
		next, err := s.host.cloud.AssumeRole(session, arn, name, external, time.Hour)
		if err != nil {
			return nil, fmt.Errorf("Cannot assume IAM Role: %w", err)
		}
		session = next
	}
	return session, allowed(config, session.Account)
}

func allowed(config map[string]any, account string) error {
	list := func(key string) (out []string) {
		l, _ := config[key].([]any)
		for _, v := range l {
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
