//! Promises of every broker: what is published arrives, and comes again until it is finished.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use smartpass_platform::broker::{Broker, Consumer, Delivery, Partitioning, Subscription};
use tokio::time::timeout;

use support::{DEAD_LETTERS, LONG_ENOUGH, TOPIC, fresh, on_every_broker};

/// How long a test looks for what must not come.
const A_WHILE: Duration = Duration::from_millis(400);

fn join(broker: &dyn Broker, group: &'static str, in_hand: usize, drain: Duration) -> Consumer {
    broker.subscribe(Subscription { group, topic: TOPIC, in_hand, drain }).unwrap()
}

/// Publishes `name/0`, `name/1` and so on, all with one key.
async fn publish(broker: &dyn Broker, name: &str, count: usize) {
    for index in 0..count {
        let payload = format!("{name}/{index}").into_bytes();
        broker.publish(TOPIC, Partitioning::ByKey(name.to_owned()), payload).await.unwrap();
    }
}

/// The next delivery of this test. Those of others, and of earlier runs, are finished.
async fn next_of(consumer: &mut Consumer, name: &str) -> (String, Delivery) {
    let next = async {
        loop {
            let mut delivery = consumer.next().await.expect("the consumer is open");
            let payload = String::from_utf8_lossy(&delivery.payload).into_owned();
            if payload.starts_with(name) {
                return (payload, delivery);
            }
            delivery.ack.start();
            delivery.ack.finish();
        }
    };
    timeout(LONG_ENOUGH, next).await.unwrap_or_else(|_| panic!("nothing of {name} arrives"))
}

async fn take(consumer: &mut Consumer, name: &str, count: usize) -> BTreeMap<String, Delivery> {
    let mut taken = BTreeMap::new();
    while taken.len() < count {
        let (payload, delivery) = next_of(consumer, name).await;
        taken.insert(payload, delivery);
    }
    taken
}

fn finish(mut delivery: Delivery) {
    assert!(delivery.ack.start());
    delivery.ack.finish();
}

/// What is delivered up to a message that is published now, with the key of those before.
async fn up_to_now(broker: &dyn Broker, consumer: &mut Consumer, name: &str) -> Vec<String> {
    let last = format!("{name}/last");
    broker.publish(TOPIC, Partitioning::ByKey(name.to_owned()), last.clone().into_bytes()).await.unwrap();
    let mut payloads = Vec::new();
    loop {
        let (payload, delivery) = next_of(consumer, name).await;
        finish(delivery);
        if payload == last {
            return payloads;
        }
        payloads.push(payload);
    }
}

on_every_broker!(what_is_published_arrives_once_and_in_order, async |broker, group_of| {
    broker.check().await.unwrap();
    let (name, group) = (fresh("arrives"), group_of(TOPIC));
    publish(&*broker, &name, 2).await;
    let mut consumer = join(&*broker, group, 1_000, LONG_ENOUGH);
    // Before and after somebody subscribed.
    broker.publish(TOPIC, Partitioning::ByKey(name.clone()), format!("{name}/2").into_bytes()).await.unwrap();
    let arrived = up_to_now(&*broker, &mut consumer, &name).await;
    assert_eq!(arrived, [0, 1, 2].map(|index| format!("{name}/{index}")));
    consumer.close().await;
});

on_every_broker!(every_group_gets_everything, async |broker, group_of| {
    let name = fresh("groups");
    let mut consumers =
        [group_of(TOPIC), group_of(TOPIC)].map(|group| join(&*broker, group, 1_000, LONG_ENOUGH));
    publish(&*broker, &name, 5).await;
    for consumer in &mut consumers {
        take(consumer, &name, 5).await.into_values().for_each(finish);
    }
});

on_every_broker!(what_was_finished_does_not_come_again_and_what_was_not_does, async |broker, group_of| {
    let (name, group) = (fresh("again"), group_of(TOPIC));
    let mut consumer = join(&*broker, group, 1_000, LONG_ENOUGH);
    publish(&*broker, &name, 6).await;
    let mut taken = take(&mut consumer, &name, 6).await;
    let unfinished = taken.split_off(&format!("{name}/4"));
    taken.into_values().for_each(finish);
    consumer.close().await;
    drop(unfinished);

    let mut consumer = join(&*broker, group, 1_000, LONG_ENOUGH);
    let mut again = up_to_now(&*broker, &mut consumer, &name).await;
    again.sort();
    assert_eq!(again, [format!("{name}/4"), format!("{name}/5")]);
    consumer.close().await;

    let mut consumer = join(&*broker, group, 1_000, LONG_ENOUGH);
    assert_eq!(up_to_now(&*broker, &mut consumer, &name).await, [""; 0], "all was finished");
});

on_every_broker!(what_nobody_took_out_of_the_inbox_comes_again, async |broker, group_of| {
    let (name, group) = (fresh("untaken"), group_of(TOPIC));
    let mut consumer = join(&*broker, group, 1_000, LONG_ENOUGH);
    publish(&*broker, &name, 8).await;
    finish(next_of(&mut consumer, &name).await.1);
    consumer.close().await;
    let mut consumer = join(&*broker, group, 1_000, LONG_ENOUGH);
    let mut again = up_to_now(&*broker, &mut consumer, &name).await;
    again.sort();
    assert_eq!(again, (1..8).map(|index| format!("{name}/{index}")).collect::<Vec<_>>());
});

/// Publishes a round of messages to all partitions for two members to take; answers how many each took.
async fn share_a_round(broker: &dyn Broker, members: &mut [Consumer; 2], name: &str) -> [usize; 2] {
    const MESSAGES: usize = 48;
    for index in 0..MESSAGES {
        let payload = format!("{name}/{index}").into_bytes();
        broker.publish(TOPIC, Partitioning::ByKey(format!("{name}/{index}")), payload).await.unwrap();
    }
    let mut counts = [0, 0];
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    let [first, second] = members;
    while times.len() < MESSAGES {
        let (member, (payload, delivery)) = tokio::select! {
            taken = next_of(first, name) => (0, taken),
            taken = next_of(second, name) => (1, taken),
        };
        counts[member] += 1;
        *times.entry(payload).or_default() += 1;
        // What goes to the other one just now comes to it again.
        let mut ack = delivery.ack;
        if ack.start() {
            ack.finish();
        }
    }
    counts
}

on_every_broker!(two_members_of_a_group_share_without_loss, async |broker, group_of| {
    let group = group_of(TOPIC);
    let mut members = [(); 2].map(|()| join(&*broker, group, 1_000, LONG_ENOUGH));
    let shared = async {
        // The first rounds may find the group still dividing the partitions.
        while share_a_round(&*broker, &mut members, &fresh("settling")).await.contains(&0) {}
        share_a_round(&*broker, &mut members, &fresh("settled")).await
    };
    let counts = timeout(LONG_ENOUGH, shared).await.expect("both members get something");
    assert_eq!(counts.iter().sum::<usize>(), 48, "each message goes to one: {counts:?}");
});

on_every_broker!(what_a_member_leaves_unfinished_goes_to_the_other, async |broker, group_of| {
    let (name, group) = (fresh("left"), group_of(TOPIC));
    let mut leaving = join(&*broker, group, 1_000, LONG_ENOUGH);
    publish(&*broker, &name, 3).await;
    let unfinished = take(&mut leaving, &name, 3).await;
    let mut staying = join(&*broker, group, 1_000, LONG_ENOUGH);
    leaving.close().await;
    take(&mut staying, &name, 3).await.into_values().for_each(finish);
    for (payload, mut delivery) in unfinished {
        assert!(!delivery.ack.start(), "{payload} is the other member's");
    }
});

on_every_broker!(no_more_is_taken_than_may_be_in_hand, async |broker, group_of| {
    const IN_HAND: usize = 4;
    // What other tests publish to theirs would fill the hand.
    const QUIET: &str = DEAD_LETTERS;
    let group = group_of(QUIET);
    let subscription = Subscription { group, topic: QUIET, in_hand: IN_HAND, drain: LONG_ENOUGH };
    let mut consumer = broker.subscribe(subscription).unwrap();
    for _ in 0..3 * IN_HAND {
        broker.publish(QUIET, Partitioning::ByKey("bounded".to_owned()), Vec::new()).await.unwrap();
    }
    for _ in 0..3 {
        let mut held = Vec::new();
        while held.len() < IN_HAND {
            held.push(timeout(LONG_ENOUGH, consumer.next()).await.expect("a delivery").unwrap());
        }
        assert!(timeout(A_WHILE, consumer.next()).await.is_err(), "one more came");
        held.into_iter().for_each(finish);
    }
});

on_every_broker!(closing_waits_for_what_has_started_and_keeps_it, async |broker, group_of| {
    let (name, group) = (fresh("drained"), group_of(TOPIC));
    let mut consumer = join(&*broker, group, 1_000, LONG_ENOUGH);
    publish(&*broker, &name, 2).await;
    let mut taken = take(&mut consumer, &name, 2).await.into_values();
    let (mut started, mut not_started) = (taken.next().unwrap(), taken.next().unwrap());
    assert!(started.ack.start());
    assert!(started.ack.start(), "it may be said twice");
    let mut closing = tokio::spawn(consumer.close());
    assert!(timeout(A_WHILE, &mut closing).await.is_err(), "closed while a delivery was at work");
    started.ack.finish();
    timeout(LONG_ENOUGH / 2, closing).await.expect("closes when the work is done").unwrap();
    assert!(!not_started.ack.start(), "nothing starts any more");
    drop(not_started);

    let mut consumer = join(&*broker, group, 1_000, LONG_ENOUGH);
    assert_eq!(up_to_now(&*broker, &mut consumer, &name).await, [format!("{name}/1")]);
});

on_every_broker!(
    closing_waits_no_longer_than_it_may_and_the_work_goes_to_another,
    async |broker, group_of| {
        let (name, group) = (fresh("overdue"), group_of(TOPIC));
        let mut consumer = join(&*broker, group, 1_000, A_WHILE);
        publish(&*broker, &name, 1).await;
        let (_, mut overdue) = next_of(&mut consumer, &name).await;
        assert!(overdue.ack.start());
        timeout(LONG_ENOUGH / 2, consumer.close()).await.expect("closes after its deadline");

        let mut consumer = join(&*broker, group, 1_000, A_WHILE);
        finish(next_of(&mut consumer, &name).await.1);
        overdue.ack.finish();
    }
);
