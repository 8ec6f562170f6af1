// Command receiver is the Lambda function behind the webhook URL; see
// lib/handlers/receiver.
package main

import (
	"context"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"delivery.internal/lib/contract"
	"delivery.internal/lib/handlers"
	"delivery.internal/lib/handlers/receiver"
)

func main() {
	log := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	h, err := handler(context.Background(), log)
	if err != nil {
		log.Error("the receiver can't start", "error", err)
		os.Exit(1)
	}
	lambda.Start(h.Handle)
}

func handler(ctx context.Context, log *slog.Logger) (*receiver.Handler, error) {
	env, err := handlers.Environment(os.LookupEnv, contract.EnvRepository, contract.EnvBranch, contract.EnvBusName, contract.EnvSecret, contract.EnvDeliveriesTable)
	if err != nil {
		return nil, err
	}
	conf, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, err
	}
	return &receiver.Handler{
		Repository: env[contract.EnvRepository],
		Branch:     env[contract.EnvBranch],
		Secrets:    &receiver.SecretCache{API: secretsmanager.NewFromConfig(conf), ID: env[contract.EnvSecret], Now: time.Now},
		Claims:     receiver.Table{API: dynamodb.NewFromConfig(conf), Name: env[contract.EnvDeliveriesTable]},
		Bus:        receiver.EventBus{API: eventbridge.NewFromConfig(conf), Name: env[contract.EnvBusName]},
		Now:        time.Now,
		Log:        log,
	}, nil
}
