"""What the clock asks for, and how often, in seconds."""

# When the clock starts everything is due, and nothing remembers what ran before: every task may run at any time.
SCHEDULE: dict[str, dict[str, object]] = {
    "credit watch time": {"task": "drops.tasks.credit_watch_time", "schedule": 1},
    "deliver what is due": {"task": "fulfillment.tasks.deliver", "schedule": 1},
    "go on with rehearsals": {"task": "fulfillment.tasks.rehearse", "schedule": 2, "options": {"expires": 2}},
    "make load rehearsals": {
        "task": "fulfillment.tasks.fire_tests",
        "schedule": 2,
        "options": {"expires": 2},
    },
    "note phase changes": {"task": "drops.tasks.note_phase_changes", "schedule": 60},
    "freeze numbers": {
        "task": "fulfillment.tasks.freeze_numbers",
        "schedule": 60,
        "options": {"expires": 60},
    },
    "tell viewers": {"task": "drops.tasks.tell_viewers", "schedule": 5, "options": {"expires": 5}},
    "begin promise logs": {"task": "drops.tasks.begin_promise_logs", "schedule": 60},
    "finish merges of categories": {"task": "drops.tasks.finish_merges", "schedule": 60},
    "count viewers": {"task": "drops.tasks.count_viewers", "schedule": 60, "options": {"expires": 60}},
    "send notices": {"task": "accounts.tasks.send_notices", "schedule": 10, "options": {"expires": 10}},
    "post to chats": {"task": "fulfillment.tasks.post_to_chats", "schedule": 10, "options": {"expires": 10}},
    "note expired proposals": {"task": "accounts.tasks.note_expired_proposals", "schedule": 60},
    "unlink viewers of deleted apps": {
        "task": "accounts.tasks.unlink_viewers",
        "schedule": 10,
        "options": {"expires": 10},
    },
    "tell owners of failing webhooks": {"task": "fulfillment.tasks.tell_owners", "schedule": 60},
    "note ended views of operators": {"task": "accounts.tasks.note_ended_views", "schedule": 60},
    "write the log of the API": {
        "task": "accounts.tasks.write_api_calls",
        "schedule": 3,
        "options": {"expires": 3},
    },
    "purge the log of the API": {"task": "accounts.tasks.purge_api_calls", "schedule": 3600},
    "remind operators": {"task": "accounts.tasks.remind_operators", "schedule": 3600},
    "count answers of webhooks": {
        "task": "fulfillment.tasks.count_answers",
        "schedule": 300,
        "options": {"expires": 300},
    },
    # Often, so that no minute is missed where one run is late.
    "note minutes of live campaigns": {
        "task": "fulfillment.tasks.note_minutes",
        "schedule": 15,
        "options": {"expires": 15},
    },
    "count fulfilment": {
        "task": "fulfillment.tasks.count_fulfilment",
        "schedule": 15,
        "options": {"expires": 15},
    },
    "tell members of the week": {"task": "fulfillment.tasks.tell_of_the_week", "schedule": 3600},
    "clear expired tokens": {"task": "accounts.tasks.clear_tokens", "schedule": 3600},
    "delete unused files": {"task": "accounts.tasks.delete_unused_files", "schedule": 86400},
    "make small pictures": {"task": "drops.tasks.make_small_pictures", "schedule": 600},
    "purge notices": {"task": "accounts.tasks.purge_notices", "schedule": 86400},
    "purge minutes of campaigns": {"task": "fulfillment.tasks.purge_minutes", "schedule": 86400},
    "purge audit trail": {"task": "accounts.tasks.purge_audit_trail", "schedule": 86400},
    "purge watch history": {"task": "drops.tasks.purge_watch_history", "schedule": 86400},
}
