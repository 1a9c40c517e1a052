#pragma once
// How the links of a ring are coded, with what its model's codec file allows
// (engine/codec/codec_file.h).

#include <string>
#include <vector>

#include "apps/session/ring/link_choice.h"
#include "engine/model/model_file.h"

namespace quantring {

struct LinkPlan {
  ControllerOptions links;  // of every sender between stages
  std::string codec_hash;   // of the codec file that every node needs; empty: none
  std::string notice;       // one line for the user: why codec klt is left out; empty: it is not
};

// As choose_links(). Without a ladder of flags or ring file, policy ladder takes the one in the
// model's codec file, if there is one; points that need tables are dropped where a cut of the ring
// has none. The codec file is read only where its ladder or its tables are used. Throws Error, also
// for a codec file of another model and for a codec to start with that lacks tables.
LinkPlan plan_links(const LinkChoice& flags, const LinkChoice& file, const ModelFile& model,
                    const std::vector<StageRange>& ranges);

}  // namespace quantring
