// Package dynamodb reads the condition and update expressions of DynamoDB: what
// it refuses DynamoDB refuses, and what it evaluates comes out as there. What
// the pages leave open, and what nothing here uses, is an error of its own,
// ErrNotPlayed. It knows nothing of tables and requests.
//
// The grammar is that of "Condition and filter expressions, operators, and
// functions in DynamoDB",
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html,
// "Using update expressions in DynamoDB",
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.UpdateExpressions.html,
// and "Reserved words in DynamoDB",
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ReservedWords.html.
package dynamodb
