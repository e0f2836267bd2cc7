"""Segment documents to send, and what the server must make of them.

`compiled` is a plain second writing of the rules of collation and of the lenient parts of a document;
comparing it with BatchGetTraces checks that documents come back equal in meaning.
"""

import copy
import itertools
import json
import random
import time
from decimal import Decimal

_ERAS = itertools.count(1_100_000_000, 10_000)


def new_id():
    return f"{random.getrandbits(64) | 1:016x}"


def new_trace_id(epoch=None):
    epoch = int(time.time() if epoch is None else epoch)
    return f"1-{epoch:08x}-{random.getrandbits(96):024x}"


def new_era():
    """A span of 10,000 s that no other test of this run puts a trace into."""
    return next(_ERAS)


def segment(trace_id=None, start=None, seconds=0.25, **members):
    """A complete segment; members override, None takes one away."""
    start = time.time() - 1 if start is None else start
    document = {
        "name": "orders",
        "id": new_id(),
        "trace_id": trace_id or new_trace_id(start),
        "start_time": start,
        "end_time": start + seconds,
        **members,
    }
    return {key: value for key, value in document.items() if value is not None}


def subsegment(parent, start_offset=0.01, seconds=0.1, **members):
    """A complete independent subsegment below a document."""
    start = parent["start_time"] + start_offset
    return segment(
        parent["trace_id"],
        start,
        seconds,
        **{"type": "subsegment", "parent_id": parent["id"], "name": "step", **members},
    )


def embedded(start, seconds=0.1, **members):
    """A complete subsegment to be embedded."""
    return {"name": "step", "id": new_id(), "start_time": start, "end_time": start + seconds, **members}


def text(document):
    return document if isinstance(document, str) else json.dumps(document)


def put(xray, *documents):
    """PutTraceSegments that must take all."""
    answer = xray.put_trace_segments(TraceSegmentDocuments=[text(document) for document in documents])
    assert answer["UnprocessedTraceSegments"] == []


def get_trace(xray, trace_id):
    """The trace as boto3 gives it, or None."""
    traces = xray.batch_get_traces(TraceIds=[trace_id])["Traces"]
    return traces[0] if traces else None


def get_documents(xray, trace_id):
    """Compiled documents of a trace, numbers exact."""
    trace = get_trace(xray, trace_id)
    documents = [parse(entry["Document"]) for entry in trace["Segments"]] if trace else []
    if trace:
        assert [entry["Id"] for entry in trace["Segments"]] == [document["id"] for document in documents]
    return documents


def parse(document):
    return json.loads(document, parse_float=Decimal)


def the_trace(documents):
    """The one trace id that all of the documents have."""
    (trace_id,) = {document["trace_id"] for document in documents}
    return trace_id


def by_name(documents):
    """{name: entity} of documents and all their subsegments."""
    found = {}
    for document in documents:
        found[document["name"]] = document
        found |= by_name(document.get("subsegments", ()))
    return found


# ---- Reference: documents as sent → documents as they must come back


def normal_trace_id(trace_id):
    trace_id = trace_id.lower()
    return trace_id if trace_id.startswith("1-") else f"1-{trace_id[:8]}-{trace_id[8:]}"


def _is_complete(document):
    return "end_time" in document


def _all_entities(document):
    yield document
    for child in document.get("subsegments") or ():
        yield from _all_entities(child)


def _winners(documents):
    """By id: a complete document beats one in progress, else the later one wins."""
    winners = {}
    for document in documents:
        known = winners.get(document["id"].lower())
        if known is None or _is_complete(document) or not _is_complete(known):
            winners[document["id"].lower()] = copy.deepcopy(document)
    return winners


def _nest(winners):
    """Moves independent subsegments below the entity they name; gives the documents on top."""
    tops = {key: document for key, document in winners.items() if document.get("type") != "subsegment"}
    streamed = {key: document for key, document in winners.items() if document.get("type") == "subsegment"}
    entities = {
        entity["id"].lower(): entity for document in winners.values() for entity in _all_entities(document)
    }
    for key, document in streamed.items():
        owner = entities.get(document["parent_id"].lower())
        if owner is None or owner is document:
            tops[key] = document
        else:
            owner["subsegments"] = [*(owner.get("subsegments") or ()), document]
    return tops


def _normal_http(http):
    http = copy.deepcopy(http)
    response = http.get("response")
    if isinstance(response, dict):
        if response.get("status") == "":
            del response["status"]
        if isinstance(response.get("content_length"), str):
            response["content_length"] = int(response["content_length"])
    return http


def normal(document, nested=False):
    """One form for documents that mean the same, as sent or as answered."""
    form = dict(document)
    for redundant in ("trace_id", "parent_id", "type") if nested else ():
        form.pop(redundant, None)
    for key in ("id", "parent_id"):
        if key in form:
            form[key] = form[key].lower()
    if "trace_id" in form:
        form["trace_id"] = normal_trace_id(form["trace_id"])
    for key in ("start_time", "end_time"):
        if key in form:
            form[key] = round(Decimal(str(form[key])), 6)
    if _is_complete(form):
        form.pop("in_progress", None)
    if form.get("user") == "":
        del form["user"]
    if isinstance(form.get("http"), dict):
        form["http"] = _normal_http(form["http"])
    if isinstance(form.get("annotations"), dict):
        form["annotations"] = {
            key: value
            for key, value in form["annotations"].items()
            if isinstance(value, (str, bool, int, Decimal, float))
        }
    children = [normal(child, nested=True) for child in form.pop("subsegments", None) or ()]
    if children:
        form["subsegments"] = sorted(children, key=lambda child: (child["start_time"], child["id"]))
    return form


def compiled(documents):
    """{id: document} that the read side must answer for documents of one trace, inferred ones aside."""
    documents = [parse(text(document)) for document in documents]
    return {key: normal(document) for key, document in _nest(_winners(documents)).items()}


def answered(xray, trace_id):
    """{id: document} of what the read side answers, in the same form."""
    return {
        document["id"]: normal(document)
        for document in get_documents(xray, trace_id)
        if not document.get("inferred")
    }


def assert_same_meaning(xray, documents):
    """Each trace of the documents reads back equal in meaning."""
    traces = {}
    for document in documents:
        trace_id = normal_trace_id(parse(text(document))["trace_id"])
        traces.setdefault(trace_id, []).append(document)
    for trace_id, sent in traces.items():
        assert answered(xray, trace_id) == compiled(sent)
