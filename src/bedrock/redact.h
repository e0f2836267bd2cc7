/*
 * Redaction: matches in user and model texts become `[redacted]` before anything else is done with
 * them (spec §3.13).
 */
#ifndef FL_BEDROCK_REDACT_H
#define FL_BEDROCK_REDACT_H

#include "base/base.h"

typedef struct fl_bedrock_redaction fl_bedrock_redaction;

FL_MUST fl_status fl_bedrock_redaction_new(fl_bedrock_redaction **out, fl_err *err);
void fl_bedrock_redaction_free(fl_bedrock_redaction *redaction); /* NULL is fine */
/* A POSIX extended regular expression, or one of email, aws-key, ipv4, card. At most 32.
 * Errors: FL_E_INVALID with what is wrong in the pattern, FL_E_NOMEM. */
FL_MUST fl_status fl_bedrock_redaction_add(fl_bedrock_redaction *redaction, fl_str pattern,
                                           fl_err *err);
/* Appends text with every match replaced; returns whether there was one. Each pattern goes over the
 * result of the one before it. */
bool fl_bedrock_redact(const fl_bedrock_redaction *redaction, fl_str text, fl_buf *out);

#endif
