package kafka

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/backoff"
)

// maxTopicName is the longest name of a topic that Kafka takes.
const maxTopicName = 249

// newTopicPoll is how often it is checked whether a new topic has its leaders.
const newTopicPoll = 10 * time.Millisecond

// checkName reports whether Kafka can have a topic of this name, as fault.InvalidArgument.
func checkName(topic string) error {
	valid := topic != "" && topic != "." && topic != ".." && len(topic) <= maxTopicName
	for _, c := range []byte(topic) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		valid = valid && (letter || c == '.' || c == '_' || c == '-')
	}
	if !valid {
		return fault.InvalidArgument.Errorf("topic %q: a name in Kafka has 1 to %d letters, digits, dots, underscores and hyphens", topic, maxTopicName)
	}
	return nil
}

// ensureTopic creates the topic if it is missing, and returns when it has its leaders.
func (b *Bus) ensureTopic(ctx context.Context, topic string) error {
	b.mu.Lock()
	known := b.topics[topic]
	b.mu.Unlock()
	if known {
		return nil
	}
	err := b.topicState(ctx, topic)
	for created := false; err != nil; err = b.topicState(ctx, topic) {
		isMissing := errors.Is(err, kerr.UnknownTopicOrPartition)
		switch {
		case isMissing && b.config.TopicsMustExist:
			return b.failure(topic, err)
		case isMissing && !created:
			if err := b.createTopic(ctx, topic); err != nil {
				return b.failure(topic, err)
			}
			created = true
		case !isMissing && !errors.Is(err, kerr.LeaderNotAvailable):
			return b.failure(topic, err)
		}
		if err := backoff.Wait(ctx, newTopicPoll); err != nil {
			return b.failure(topic, err)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.topics[topic] = true
	return nil
}

// topicState returns nil if the topic exists and all its partitions have leaders.
func (b *Bus) topicState(ctx context.Context, topic string) error {
	found, err := b.describe(ctx, topic)
	if err != nil {
		return err
	}
	for _, p := range found.Partitions {
		if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
			return err
		}
	}
	return kerr.ErrorForCode(found.ErrorCode)
}

// describe asks the brokers for the topic's partitions: the client would answer for some
// seconds that a new topic is missing.
func (b *Bus) describe(ctx context.Context, topic string) (found kmsg.MetadataResponseTopic, err error) {
	request := kmsg.NewPtrMetadataRequest()
	wanted := kmsg.NewMetadataRequestTopic()
	wanted.Topic = &topic
	request.Topics = append(request.Topics, wanted)
	response, err := request.RequestWith(ctx, b.client)
	if err != nil {
		return found, err
	}
	if len(response.Topics) != 1 {
		return found, kerr.UnknownTopicOrPartition
	}
	return response.Topics[0], nil
}

func (b *Bus) createTopic(ctx context.Context, topic string) error {
	retention := strconv.FormatInt(b.config.Retention.Milliseconds(), 10)
	responses, err := b.admin.CreateTopics(ctx, int32(b.config.Partitions), int16(b.config.Replicas), //nolint:gosec // Kafka refuses others
		map[string]*string{"retention.ms": &retention}, topic)
	if err == nil {
		_, err = responses.On(topic, func(r *kadm.CreateTopicResponse) error { return explained(r.Err, r.ErrMessage) })
	}
	if errors.Is(err, kerr.TopicAlreadyExists) { // another process has created it
		return nil
	}
	return err
}

// explained adds to err what the broker says about it.
func explained(err error, message string) error {
	if err == nil || message == "" {
		return err
	}
	return &explainedError{err, message}
}

type explainedError struct {
	error
	message string
}

func (e *explainedError) Error() string { return e.error.Error() + " (" + e.message + ")" }
func (e *explainedError) Unwrap() error { return e.error }

func (b *Bus) forget(topic string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.topics, topic)
}
