// SPDX-License-Identifier: MIT
#include "shipped.h"

#include <fxtrain_resources.h>

namespace fxtrain {
namespace {

Shipped readResources() {
  Shipped shipped;
  for (int index = 0; index < resources::namedResourceListSize; ++index) {
    int size = 0;
    const auto* resource = resources::namedResourceList[index];
    const juce::String file(resources::getNamedResourceOriginalFilename(resource));
    const char* data = resources::getNamedResource(resource, size);
    if (file.endsWith(".json")) {
      auto model = std::make_shared<ModelFile>(*ModelFile::parse(std::string(data, std::size_t(size)), file, {}));
      model->name = model->title(); // every file of models/ is called model.json
      shipped.models.push_back(std::move(model));
    } else if (shipped.cabinet == nullptr && (file.endsWith(".wav") || file.endsWith(".flac"))) {
      shipped.cabinet = CabinetFile::parse(juce::MemoryBlock(data, std::size_t(size)),
                                           file.upToLastOccurrenceOf(".", false, false), {});
    }
  }
  return shipped;
}

} // namespace

const Shipped& Shipped::get() {
  static const Shipped shipped = readResources();
  return shipped;
}

std::shared_ptr<const ModelFile> Shipped::model(const juce::String& title) const {
  for (const auto& file : models)
    if (file->title() == title)
      return file;
  return nullptr;
}

} // namespace fxtrain
