"""Asks an Amazon Bedrock agent and shows each of its steps in fluoro as soon as it is known.

    pip install boto3
    python3 bedrock_live.py AGENT_ID ALIAS_ID "When does the next train leave?"
"""

import json
import subprocess
import sys
import uuid

import boto3
from botocore.exceptions import EventStreamError

agent_id, alias_id, question = sys.argv[1:]
answer = boto3.client("bedrock-agent-runtime").invoke_agent(
    agentId=agent_id, agentAliasId=alias_id, sessionId=str(uuid.uuid4()), inputText=question, enableTrace=True
)
command = ["fluoro", "bedrock", "--follow", "--send"]
with subprocess.Popen(command, stdin=subprocess.PIPE, text=True) as fluoro:
    try:
        for event in answer["completion"]:
            print(json.dumps(event, default=str), file=fluoro.stdin, flush=True)
            print(event.get("chunk", {}).get("bytes", b"").decode(), end="", flush=True)
    except EventStreamError as error:  # the service broke off: this belongs to the trace as well
        reason = error.response["Error"]
        print(json.dumps({reason["Code"]: {"message": reason["Message"]}}), file=fluoro.stdin)
print()
sys.exit(fluoro.returncode)
